/* Make system calls at random, numbers and arguments, until the run is ended: any_calls SEED.
   Each batch runs in a child, for most of them end by their own doing. Prints, after each batch that
   this process survived, how many calls were begun. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 500, BATCH = 400, PAGES = 16, TOGETHER = 12 };

static uint64_t state;

static uint64_t draw(void) {  /* splitmix64 */
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static long argument(char *memory) {
  static const char *paths[] = {"/", "/box/x", "/box", "/tmp/y", "/proc/self/mem", "/dev/null",
                                "/proc/self/fd", "/usr/bin/env", "/dev/shm/z", ".."};
  switch (draw() % 10) {
    case 0: return 0;
    case 1: return -1;
    case 2: return (long)(draw() % 16);
    case 3: return (long)(draw() % 65536);
    case 4: return 1L << (draw() % 64);
    case 5: return (long)paths[draw() % 10];
    case 6: return (long)(memory + draw() % (PAGES * 4096 - 256));
    case 7: return getpid() - (long)(draw() % 3);
    case 8: return (long)(draw() % 4096);
    default: return (long)draw();
  }
}

int main(int count, char **arguments) {
  uint64_t seed = count > 1 ? strtoull(arguments[1], 0, 10) : 0;
  volatile long *begun = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int running = 0;
  for (uint64_t batch = 0;; batch++) {
    state = seed * 1000003 + batch;
    pid_t pid = fork();
    if (pid == 0) {
      struct itimerval soon = {{0, 0}, {0, 50000}};
      char *memory = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      uint64_t *words = (uint64_t *)memory;
      for (int i = 0; i < PAGES * 512; i++) words[i] = draw() % 3 ? draw() % 64 : draw();
      setitimer(ITIMER_REAL, &soon, 0);
      for (int i = 0; i < BATCH; i++) {
        long number = (long)(draw() % CALLS), a = argument(memory), b = argument(memory);
        ++*begun;
        syscall(number, a, b, argument(memory), argument(memory), argument(memory), argument(memory));
      }
      _exit(0);
    }
    if (pid > 0 && ++running < TOGETHER) continue;
    /* Most of a batch is waiting, so some run at a time. What they leave alive may fill the limit on
       processes; then the clock ends the run. */
    if (wait(0) > 0) running--;
    printf("%ld\n", *begun);
    fflush(stdout);
  }
}
