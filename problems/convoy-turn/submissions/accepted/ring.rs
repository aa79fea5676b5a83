impl Solution {
    pub fn turn(convoy: Option<Box<ListNode>>, k: i32) -> Option<Box<ListNode>> {
        let mut values = Vec::new();
        let mut next = &convoy;
        while let Some(node) = next {
            values.push(node.val);
            next = &node.next;
        }
        if values.is_empty() {
            return None;
        }
        let n = values.len();
        values.rotate_right(k as usize % n);
        let mut first = None;
        for val in values.into_iter().rev() {
            first = Some(Box::new(ListNode { val, next: first }));
        }
        first
    }
}
