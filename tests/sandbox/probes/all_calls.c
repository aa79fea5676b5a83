/* Make every system call by number, each in a process of its own, and print "number answer" lines:
   an errno, 0 for any success, -N for death by signal N. All arguments are -1. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
  int last = count > 1 ? atoi(arguments[1]) : 600;
  for (long number = 0; number < last; number++) {
    pid_t pid = fork();
    if (pid < 0) return 1;
    if (pid == 0) {
      struct itimerval soon = {{0, 0}, {0, 300000}};
      setitimer(ITIMER_REAL, &soon, 0);
      long found = syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
      _exit(found == -1 ? errno : 0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) != pid && errno == EINTR) {}
    printf("%ld %d\n", number, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
  }
}
