// The highest square of the way with the least sum, which may be another way.
class Solution {
public:
    int lowestPass(vector<vector<int>> &heights) {
        int rows = heights.size(), columns = heights[0].size();
        using Item = tuple<long long, int, int, int>;
        priority_queue<Item, vector<Item>, greater<>> waiting;
        set<pair<int, int>> seen;
        waiting.push({heights[0][0], heights[0][0], 0, 0});
        while (true) {
            auto [sum, highest, r, c] = waiting.top();
            waiting.pop();
            if (r == rows - 1 && c == columns - 1) return highest;
            if (!seen.insert({r, c}).second) continue;
            for (auto [a, b] : {pair(r - 1, c), pair(r + 1, c), pair(r, c - 1), pair(r, c + 1)})
                if (a >= 0 && b >= 0 && a < rows && b < columns)
                    waiting.push({sum + heights[a][b], max(highest, heights[a][b]), a, b});
        }
    }
};
