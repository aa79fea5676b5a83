// row: 64
// rule: CPU time of threads, in the kernel too, adds up.
// status: time_limit
// cflags: -pthread
// limits: time_s=0.4 wall_s=60
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
static void *burn(void *x) {
  static char buffer[1 << 20];
  int fd = open("/dev/zero", O_RDONLY);
  for (;;) if (read(fd, buffer, sizeof buffer) < 0) return x;
}
int main(void) {
  pthread_t t;
  for (int i = 0; i < 8; i++) pthread_create(&t, 0, burn, 0);
  pause();
}
