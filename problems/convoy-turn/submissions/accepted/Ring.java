class Solution {
    public ListNode turn(ListNode convoy, int k) {
        if (convoy == null) return null;
        int length = 1;
        ListNode last = convoy;
        for (; last.next != null; last = last.next) length++;
        last.next = convoy;
        for (int steps = length - k % length; steps > 0; steps--) last = last.next;
        ListNode first = last.next;
        last.next = null;
        return first;
    }
}
