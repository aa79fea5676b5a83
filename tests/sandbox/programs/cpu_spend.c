// row: 64
// rule: Nobody gets five times his CPU time.
// status: time_limit
// limits: time_s=0.3 wall_s=20
// stdout:
#include <stdio.h>
#include <time.h>
int main(void) {
  /* The process is older than the program: on a machine that stands still it may have time on it. */
  clock_t begun = clock();
  while (clock() - begun < 1.5 * CLOCKS_PER_SEC) {}
  puts("five times the limit");
}
