// Eight bits a round: a count for each of 256 parts of the range that is left.
use std::io::stdin;

fn main() {
    let mut line = String::new();
    stdin().read_line(&mut line).unwrap();
    let given: Vec<u64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let (n, s, a, c, m) = (given[0], given[1], given[2], given[3], given[4]);
    let (mut low, mut rank) = (0u64, n / 2);
    for shift in [24, 16, 8, 0] {
        let mut count = [0u64; 256];
        let mut drop = s;
        for _ in 0..n {
            if drop >> (shift + 8) == low >> (shift + 8) {
                count[(drop >> shift & 255) as usize] += 1;
            }
            drop = (a * drop + c) % m;
        }
        let mut part = 0;
        while rank >= count[part] {
            rank -= count[part];
            part += 1;
        }
        low |= (part as u64) << shift;
    }
    println!("{low}");
}
