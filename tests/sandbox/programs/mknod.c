// row: 13
// rule: No device node can be made.
// stdout: refused 2
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
int main(void) {
  int n = 0;
  n += mknod("/box/b", S_IFBLK | 0600, makedev(254, 0)) != 0;
  n += mknod("/box/c", S_IFCHR | 0600, makedev(1, 3)) != 0;
  printf("refused %d\n", n);
}
