// row: 19
// rule: A program starts in /box.
// stdout: /box /box
#include <stdio.h>
#include <unistd.h>
int main(void) {
  char a[256] = "", b[256] = "";
  if (!getcwd(a, 255) || readlink("/proc/self/cwd", b, 255) < 0) return 1;
  printf("%s %s\n", a, b);
}
