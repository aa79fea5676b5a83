"""One program, once, in a box: knows no Redis, HTTP, problem or verdict."""
