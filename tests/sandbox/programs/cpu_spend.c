// row: 64
// rule: Nobody gets five times his CPU time.
// status: time_limit
// limits: time_s=0.3 wall_s=20
// stdout:
#include <stdio.h>
#include <time.h>
int main(void) {
  while (clock() < 1.5 * CLOCKS_PER_SEC) {}
  puts("five times the limit");
}
