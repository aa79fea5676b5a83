class Solution {
    int least;

    int cut(TreeNode *&tree) {
        if (!tree) return 0;
        int apples = tree->val + cut(tree->left) + cut(tree->right);
        if (apples >= least) return apples;
        tree = nullptr;
        return 0;
    }

public:
    TreeNode *prune(TreeNode *tree, int least) {
        this->least = least;
        cut(tree);
        return tree;
    }
};
