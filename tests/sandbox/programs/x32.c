// row: 47
// rule: The x32 system call table kills.
// machine: x86_64
// status: runtime_error
// signal: SIGSYS
#include <stdio.h>
#include <unistd.h>
#include <sys/syscall.h>
int main(void) { printf("%ld\n", syscall(0x40000027)); }
