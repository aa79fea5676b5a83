// Never cuts the root.
class Solution {
    int cut(TreeNode *fork, int least) {
        int left = fork->left ? cut(fork->left, least) : 0;
        int right = fork->right ? cut(fork->right, least) : 0;
        if (left < least) fork->left = nullptr, left = 0;
        if (right < least) fork->right = nullptr, right = 0;
        return fork->val + left + right;
    }

public:
    TreeNode *prune(TreeNode *tree, int least) {
        if (tree) cut(tree, least);
        return tree;
    }
};
