class Solution {
public:
    TreeNode *prune(TreeNode *tree, int least) { return tree.left; }
};
