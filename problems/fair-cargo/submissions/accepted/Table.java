class Solution {
    public boolean canShare(int[] crates) {
        int total = Arrays.stream(crates).sum();
        boolean[] can = new boolean[total + 1];
        can[0] = true;
        for (int crate : crates)
            for (int sum = total; sum >= crate; sum--) can[sum] |= can[sum - crate];
        return total % 2 == 0 && can[total / 2];
    }
}
