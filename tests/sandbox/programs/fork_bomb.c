// row: 29
// rule: A fork bomb ends at the limit on processes and of CPU time or wall clock, and harms nobody.
// status: time_limit idle_limit runtime_error
// limits: time_s=0.5 wall_s=2
#include <unistd.h>
int main(void) { for (;;) fork(); }
