// There may be no tree to begin with.
class Solution {
public:
    TreeNode *prune(TreeNode *tree, int least) {
        if (tree->left) tree->left = prune(tree->left, least);
        if (tree->right) tree->right = prune(tree->right, least);
        int apples = tree->val;
        for (TreeNode *fork : {tree->left, tree->right})
            if (fork) apples += fork->val;
        return apples >= least ? tree : nullptr;
    }
};
