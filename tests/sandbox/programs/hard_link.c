// row: 8
// rule: No file of the image can be hard-linked into the box.
// stdout: refused
#include <stdio.h>
#include <unistd.h>
int main(void) { puts(link("/usr/bin/env", "/box/x") ? "refused" : "linked"); }
