// row: 33
// rule: A program is not pid 1: a signal with its default action ends it.
// status: runtime_error
// signal: SIGTERM
#include <signal.h>
#include <unistd.h>
int main(void) { if (getpid() == 1) return 0; raise(SIGTERM); return 0; }
