function lowestPass(heights) {
    const rows = heights.length, columns = heights[0].length;
    const best = heights.map((row) => row.map(() => Infinity));
    best[0][0] = heights[0][0];
    let waiting = [[0, 0]];
    while (waiting.length) {
        const next = [];
        for (const [row, column] of waiting)
            for (const [r, c] of [[row - 1, column], [row + 1, column], [row, column - 1], [row, column + 1]]) {
                if (r < 0 || c < 0 || r >= rows || c >= columns) continue;
                const highest = Math.max(best[row][column], heights[r][c]);
                if (highest < best[r][c]) {
                    best[r][c] = highest;
                    next.push([r, c]);
                }
            }
        waiting = next;
    }
    return best[rows - 1][columns - 1];
}
