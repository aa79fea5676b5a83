// row: 65
// rule: An endless loop ends at the CPU limit.
// status: time_limit
// limits: time_s=0.2 wall_s=60
int main(void) { for (;;) __asm__ volatile(""); }
