class Solution {
    private int cut(TreeNode fork, int least) {
        if (fork == null) return -1;
        int left = cut(fork.left, least), right = cut(fork.right, least);
        if (left < 0) fork.left = null;
        if (right < 0) fork.right = null;
        int apples = fork.val + Math.max(left, 0) + Math.max(right, 0);
        return apples < least ? -1 : apples;
    }

    public TreeNode prune(TreeNode tree, int least) {
        return cut(tree, least) < 0 ? null : tree;
    }
}
