// row: 96
// rule: Exit code 137 is an exit code.
// status: runtime_error
// exit_code: 137
int main(void) { return 137; }
