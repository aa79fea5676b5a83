// row: 96
// rule: A SIGXCPU of the program's own making is no time limit.
// status: runtime_error
// signal: SIGXCPU
#include <signal.h>
int main(void) { raise(SIGXCPU); }
