function deepestWater(caves: TreeNode | null): number {
    let level: TreeNode[] = caves ? [caves] : [];
    let litres = 0;
    while (level.length) {
        litres = level.reduce((sum, cave) => sum + cave.val, 0);
        const below: TreeNode[] = [];
        for (const cave of level) {
            if (cave.left) below.push(cave.left);
            if (cave.right) below.push(cave.right);
        }
        level = below;
    }
    return litres;
}
