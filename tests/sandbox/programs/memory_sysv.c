// row: 57
// rule: System V shared memory counts as memory.
// grade: full
// status: memory_limit
// limits: memory_bytes=67108864 time_s=10 wall_s=20
#include <string.h>
#include <sys/shm.h>
int main(void) {
  for (int i = 0; i < 20; i++) {
    int id = shmget(IPC_PRIVATE, 10 << 20, 0600);
    char *p = shmat(id, 0, 0);
    if (p == (char *)-1) return 1;
    memset(p, 1, 10 << 20);
    shmdt(p);
  }
}
