// row: 96
// rule: A program that kills itself has failed by itself.
// status: runtime_error
// signal: SIGKILL
#include <signal.h>
int main(void) { raise(SIGKILL); }
