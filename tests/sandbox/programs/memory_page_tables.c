// row: 59
// rule: Page tables count as memory.
// grade: full
// kernel: not uml
// status: memory_limit
// limits: memory_bytes=33554432 time_s=10 wall_s=20
#include <sys/mman.h>
int main(void) {
  char *p = mmap(0, 1L << 46, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return 1;
  volatile char sum = 0;
  for (long i = 0; i < 1L << 46; i += 1L << 21) sum += p[i];
  return 0;
}
