// row: 2
// rule: Programs can be executed from /box, and not from /tmp or /dev/shm.
// stdout: refused refused
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>
static const char *try(const char *place) {
  int in = open("/usr/bin/true", O_RDONLY), out = open(place, O_CREAT | O_WRONLY, 0700), status = 0;
  if (in < 0 || out < 0) return "unwritable";
  while (sendfile(out, in, 0, 1 << 20) > 0) {}
  close(out);
  if (fork() == 0) { execl(place, place, NULL); _exit(99); }
  wait(&status);
  return WEXITSTATUS(status) == 99 ? "refused" : "executed";
}
int main(void) {
  const char *a = try("/tmp/x");
  printf("%s %s\n", a, try("/dev/shm/x"));
}
