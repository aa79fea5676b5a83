// row: 29
// rule: Past the limit on processes fork fails with EAGAIN.
// stdout: EAGAIN
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  for (int i = 0; i < 500; i++) {
    pid_t pid = fork();
    if (pid == 0) pause();
    if (pid < 0) { puts(errno == EAGAIN ? "EAGAIN" : "other"); return 0; }
  }
  puts("unlimited");
}
