// row: 6
// rule: A pipe, socket or folder left as an output file blocks nobody and is not handed back.
// collect: pipe sock folder
// files:
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
int main(void) {
  struct sockaddr_un a = {AF_UNIX, "sock"};
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  return mkfifo("pipe", 0600) || bind(s, (void *)&a, sizeof a) || mkdir("folder", 0700);
}
