class Solution {
public:
    int deepestWater(TreeNode *caves) {
        vector<int> levels;
        function<void(TreeNode *, size_t)> visit = [&](TreeNode *cave, size_t depth) {
            if (!cave) return;
            if (depth == levels.size()) levels.push_back(0);
            levels[depth] += cave->val;
            visit(cave->left, depth + 1);
            visit(cave->right, depth + 1);
        };
        visit(caves, 0);
        return levels.at(levels.size() - 1);
    }
};
