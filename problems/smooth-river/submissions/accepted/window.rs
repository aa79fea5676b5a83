impl Solution {
    pub fn smooth(levels: Vec<f64>, width: i32) -> Vec<f64> {
        let width = width as usize;
        let mut total: f64 = levels[..width].iter().sum();
        let mut means = vec![total / width as f64];
        for i in width..levels.len() {
            total += levels[i] - levels[i - width];
            means.push(total / width as f64);
        }
        means
    }
}
