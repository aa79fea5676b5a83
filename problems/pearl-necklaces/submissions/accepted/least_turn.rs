use std::collections::HashSet;

impl Solution {
    pub fn necklaces(words: Vec<String>) -> Vec<String> {
        let found: HashSet<String> = words
            .iter()
            .map(|word| {
                (0..word.len())
                    .map(|i| format!("{}{}", &word[i..], &word[..i]))
                    .min()
                    .unwrap()
            })
            .collect();
        found.into_iter().collect()
    }
}
