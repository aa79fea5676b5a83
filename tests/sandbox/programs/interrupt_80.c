// row: 46
// rule: The 32-bit system call table kills.
// machine: x86_64
// kernel: not uml
// status: runtime_error
// signal: SIGSYS
#include <stdio.h>
int main(void) { int r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20)); printf("pid %d\n", r); }
