// Looks at the fullest cave of the deepest level alone.
class Solution {
public:
    int deepestWater(TreeNode *caves) {
        vector<TreeNode *> level;
        if (caves) level.push_back(caves);
        int litres = 0;
        while (!level.empty()) {
            vector<TreeNode *> below;
            litres = 0;
            for (TreeNode *cave : level) {
                litres = max(litres, cave->val);
                for (TreeNode *side : {cave->left, cave->right})
                    if (side) below.push_back(side);
            }
            level = below;
        }
        return litres;
    }
};
