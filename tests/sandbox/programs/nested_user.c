// row: 38
// rule: No user namespace can be made, for with one comes every privilege inside it.
// stdout: refused
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
int main(void) { puts(unshare(CLONE_NEWUSER) ? "refused" : "made"); }
