function necklaces(words: string[]): string[] {
    const found = new Set<string>();
    for (const word of words) {
        let best = word;
        for (let i = 1; i < word.length; i++) {
            const turned = word.slice(i) + word.slice(0, i);
            if (turned < best) best = turned;
        }
        found.add(best);
    }
    return [...found];
}
