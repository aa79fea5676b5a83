function smooth(levels: number[], width: number): number[] {
    const means: number[] = [];
    let total = 0;
    levels.forEach((level, i) => {
        total += level - (i >= width ? levels[i - width] : 0);
        if (i >= width - 1) means.push(total / width);
    });
    return means;
}
