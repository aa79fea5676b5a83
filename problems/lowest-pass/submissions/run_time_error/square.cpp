// Takes every map for a square.
class Solution {
public:
    int lowestPass(vector<vector<int>> &heights) {
        int size = max(heights.size(), heights[0].size());
        vector<vector<int>> best(size, vector<int>(size, INT_MAX));
        best[0][0] = heights[0][0];
        for (int round = 0; round < size * size; round++)
            for (int r = 0; r < size; r++)
                for (int c = 0; c < size; c++)
                    for (auto [a, b] : {pair(r - 1, c), pair(r + 1, c), pair(r, c - 1), pair(r, c + 1)})
                        if (a >= 0 && b >= 0 && a < size && b < size)
                            best[r][c] = min(best[r][c], max(best[a][b], heights.at(r).at(c)));
        return best.back().back();
    }
};
