class Solution {
    int depth(TreeNode *cave) {
        if (!cave) return 0;
        return depth(cave->left) > depth(cave->right) ? 1 + depth(cave->left) : 1 + depth(cave->right);
    }

public:
    int deepestWater(TreeNode *caves) {
        if (!caves) return 0;
        int left = depth(caves->left), right = depth(caves->right);
        if (!left && !right) return caves->val;
        return (left >= right ? deepestWater(caves->left) : 0) + (right >= left ? deepestWater(caves->right) : 0);
    }
};
