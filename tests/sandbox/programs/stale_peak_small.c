// row: 82
// rule: A small run after a large one reports its own peak.
// memory_below: 20000000
int main(void) { return 0; }
