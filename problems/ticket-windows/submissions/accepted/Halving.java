class Solution {
    public long lastServed(int[] minutes, int visitors) {
        long low = 0, high = 1_000_000L * visitors;
        while (low < high) {
            long middle = (low + high) / 2, served = 0;
            for (int each : minutes) served += middle / each;
            if (served >= visitors) high = middle;
            else low = middle + 1;
        }
        return low;
    }
}
