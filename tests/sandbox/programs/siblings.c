// row: 27
// rule: A process that a program has made its own sibling, a child of the run's init, ends no run and outlives none.
// status: runtime_error
// exit_code: 7
// stdout: the main process
// wall_below: 60
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static long sibling(void) { return syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0); }
int main(void) {
  for (int i = 0; i < 8; i++)
    if (sibling() == 0) {
      if (i % 2) _exit(0);
      signal(SIGTERM, SIG_IGN);
      setsid();
      for (;;) pause();
    }
  usleep(100000);
  puts("the main process");
  fflush(stdout);
  _exit(7);
}
