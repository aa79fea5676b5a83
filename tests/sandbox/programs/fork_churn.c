// row: 30
// rule: A chain of short-lived forks can't run from its killer.
// status: time_limit idle_limit
// limits: time_s=0.3 wall_s=1.5
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  if (fork()) for (;;) pause();
  for (;;) if (fork() > 0) { usleep(1000); _exit(0); } else if (getpid() % 7 == 0) while (getppid() != 1) usleep(100);
}
