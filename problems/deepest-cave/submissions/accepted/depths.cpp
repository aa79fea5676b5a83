class Solution {
    int deepest = -1, litres = 0;

    void visit(TreeNode *cave, int depth) {
        if (!cave) return;
        if (depth > deepest) {
            deepest = depth;
            litres = 0;
        }
        if (depth == deepest) litres += cave->val;
        visit(cave->left, depth + 1);
        visit(cave->right, depth + 1);
    }

public:
    int deepestWater(TreeNode *caves) {
        visit(caves, 0);
        return litres;
    }
};
