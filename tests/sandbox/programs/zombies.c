// row: 32
// rule: Orphans are reaped: 600 double forks leave no zombie that would count as a process.
// stdout: done
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  for (int i = 0; i < 600; i++) {
    pid_t pid = fork();
    if (pid < 0) return perror("fork"), 1;
    if (pid == 0) {
      if (fork() == 0) _exit(0);
      _exit(0);
    }
    waitpid(pid, 0, 0);
    if (i % 50 == 0) usleep(2000);
  }
  puts("done");
}
