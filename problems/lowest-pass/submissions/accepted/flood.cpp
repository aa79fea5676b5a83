class Solution {
public:
    int lowestPass(vector<vector<int>> &heights) {
        int rows = heights.size(), columns = heights[0].size(), low = 0, high = 1000000;
        while (low < high) {
            int level = (low + high) / 2;
            vector<vector<bool>> seen(rows, vector<bool>(columns));
            vector<pair<int, int>> waiting;
            auto visit = [&](int r, int c) {
                if (r < 0 || c < 0 || r >= rows || c >= columns || seen[r][c] || heights[r][c] > level) return;
                seen[r][c] = true;
                waiting.push_back({r, c});
            };
            visit(0, 0);
            while (!waiting.empty()) {
                auto [r, c] = waiting.back();
                waiting.pop_back();
                visit(r - 1, c), visit(r + 1, c), visit(r, c - 1), visit(r, c + 1);
            }
            if (seen[rows - 1][columns - 1]) high = level;
            else low = level + 1;
        }
        return low;
    }
};
