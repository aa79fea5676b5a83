// row: 56
// rule: Memory counts when the thread that a process began with has ended, too.
// status: memory_limit
// limits: memory_bytes=67108864 time_s=10 wall_s=200
// wall_below: 120
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *hold(void *unused)
{
    usleep(50 * 1000);
    for (int i = 0; i < 300; i++) {
        char *part = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (part == MAP_FAILED)
            _exit(1);
        memset(part, 1, 1 << 20);
    }
    sleep(300);
    _exit(0);
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, 0, hold, 0);
    pthread_exit(0);
}
