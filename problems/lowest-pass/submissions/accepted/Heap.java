class Solution {
    public int lowestPass(int[][] heights) {
        int rows = heights.length, columns = heights[0].length;
        boolean[][] seen = new boolean[rows][columns];
        PriorityQueue<int[]> waiting = new PriorityQueue<>((a, b) -> a[0] - b[0]);
        waiting.add(new int[] {heights[0][0], 0, 0});
        seen[0][0] = true;
        int[][] steps = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
        while (true) {
            int[] at = waiting.remove();
            if (at[1] == rows - 1 && at[2] == columns - 1) return at[0];
            for (int[] step : steps) {
                int r = at[1] + step[0], c = at[2] + step[1];
                if (r < 0 || c < 0 || r >= rows || c >= columns || seen[r][c]) continue;
                seen[r][c] = true;
                waiting.add(new int[] {Math.max(at[0], heights[r][c]), r, c});
            }
        }
    }
}
