// row: 69
// rule: A program need not read its input.
// stdin: 10000000
int main(void) { return 0; }
