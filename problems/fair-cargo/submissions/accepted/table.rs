impl Solution {
    pub fn can_share(crates: Vec<i32>) -> bool {
        let total: usize = crates.iter().map(|&crate_| crate_ as usize).sum();
        let mut can = vec![false; total + 1];
        can[0] = true;
        for weight in crates.iter().map(|&weight| weight as usize) {
            for sum in (weight..=total).rev() {
                can[sum] |= can[sum - weight];
            }
        }
        total % 2 == 0 && can[total / 2]
    }
}
