// row: 75
// rule: Hundreds of busy processes that ignore signals are gone at once.
// status: time_limit
// limits: time_s=0.5 wall_s=10 processes=400
// grade: full
#include <signal.h>
#include <unistd.h>
int main(void) {
  for (int s = 1; s < 32; s++) signal(s, SIG_IGN);
  for (int i = 0; i < 390; i++) if (fork() == 0) for (;;) __asm__ volatile("");
  for (;;) pause();
}
