// Cuts one fork, then looks at the whole tree anew.
class Solution {
    int apples(TreeNode *fork) {
        return fork ? fork->val + apples(fork->left) + apples(fork->right) : 0;
    }

    bool cut(TreeNode *&fork, int least) {
        if (!fork) return false;
        bool enough = apples(fork) >= least;
        if (cut(fork->left, least) || cut(fork->right, least)) return true;
        if (enough) return false;
        fork = nullptr;
        return true;
    }

public:
    TreeNode *prune(TreeNode *tree, int least) {
        while (cut(tree, least)) {
        }
        return tree;
    }
};
