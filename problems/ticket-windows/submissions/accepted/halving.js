function lastServed(minutes, visitors) {
    let low = 0, high = 1e6 * visitors;
    while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const served = minutes.reduce((sum, each) => sum + Math.floor(middle / each), 0);
        if (served >= visitors) high = middle;
        else low = middle + 1;
    }
    return low;
}
