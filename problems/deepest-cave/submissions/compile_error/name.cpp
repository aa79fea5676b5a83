class Solution {
public:
    int deepestWater(TreeNode *caves) { return cave->val; }
};
