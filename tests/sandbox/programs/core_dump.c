// row: 54
// rule: An abort leaves no core file.
// status: runtime_error
// signal: SIGABRT
// collect: core
// files:
#include <stdlib.h>
int main(void) { abort(); }
