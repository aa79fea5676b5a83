// row: 24
// rule: Of all pids a program can signal only its own.
// stdout: signalled 1
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  int n = 0;
  for (int pid = 1; pid < 70000; pid++) n += kill(pid, 0) == 0 && pid != 1;
  printf("signalled %d\n", n);
}
