// row: 4
// rule: Neither inherited descriptors nor .. lead out of the root.
// stdout: sandbox root
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  for (int fd = 3; fd < 1024; fd++)
    if (fchdir(fd) == 0) return puts("inherited a folder"), 0;
  for (int i = 0; i < 64; i++)
    if (chdir("..") != 0) return perror("chdir"), 1;
  if (chdir("/proc/self/root/../..") != 0) return perror("proc root"), 1;
  puts(access("box", F_OK) == 0 && access("var", F_OK) != 0 ? "sandbox root" : "escaped");
}
