function prune(tree: TreeNode | null, least: number): TreeNode | null {
  function cut(fork: TreeNode): number {
    let apples = fork.val;
    const left = fork.left === null ? 0 : cut(fork.left);
    if (left < least) fork.left = null;
    else apples += left;
    const right = fork.right === null ? 0 : cut(fork.right);
    if (right < least) fork.right = null;
    else apples += right;
    return apples;
  }
  return tree !== null && cut(tree) >= least ? tree : null;
}
