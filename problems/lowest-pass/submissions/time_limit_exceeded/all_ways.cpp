class Solution {
    vector<vector<char>> on_way;

    int best(const vector<vector<int>> &heights, int r, int c, int highest) {
        int rows = heights.size(), columns = heights[0].size();
        if (r < 0 || c < 0 || r >= rows || c >= columns || on_way[r][c]) return INT_MAX;
        highest = max(highest, heights[r][c]);
        if (r == rows - 1 && c == columns - 1) return highest;
        on_way[r][c] = 1;
        int found = min({best(heights, r + 1, c, highest), best(heights, r, c + 1, highest),
                         best(heights, r - 1, c, highest), best(heights, r, c - 1, highest)});
        on_way[r][c] = 0;
        return found;
    }

public:
    int lowestPass(vector<vector<int>> &heights) {
        on_way.assign(heights.size(), vector<char>(heights[0].size()));
        return best(heights, 0, 0, 0);
    }
};
