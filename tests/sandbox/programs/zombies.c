// row: 32
// rule: Orphans are reaped: 600 double forks leave no zombie that would count as a process.
// stdout: done
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
static int make_orphan(void) {
  int status = -1;
  pid_t pid = fork();
  if (pid == 0) _exit(fork() < 0);
  if (pid > 0) waitpid(pid, &status, 0);
  return status;
}
int main(void) {
  /* Whoever reaps may be late; for one that never does this waits until the clock ends the run. */
  for (int i = 0; i < 600; i++)
    while (make_orphan() != 0) usleep(1000);
  puts("done");
}
