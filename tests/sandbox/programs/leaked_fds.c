// row: 18
// rule: A program starts with descriptors 0, 1 and 2 and no other.
// stdout: 3
#include <fcntl.h>
#include <stdio.h>
int main(void) {
  int n = 0;
  for (int fd = 0; fd < 4096; fd++) n += fcntl(fd, F_GETFD) >= 0;
  printf("%d\n", n);
}
