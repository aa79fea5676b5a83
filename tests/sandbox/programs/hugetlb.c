// row: 55
// rule: Huge pages, which no memory limit counts, are not to be had.
// stdout: refused
#include <stdio.h>
#include <sys/mman.h>
int main(void) {
  void *p = mmap(0, 1 << 21, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  puts(p == MAP_FAILED ? "refused" : "mapped");
}
