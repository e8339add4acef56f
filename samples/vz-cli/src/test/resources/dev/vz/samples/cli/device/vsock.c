/*
 * What busybox has no program for: streams of AF_VSOCK.
 *   vsock connect CID PORT        sends its input, ends it, prints the answer
 *   vsock listen PORT PROGRAM...  takes one stream, which becomes PROGRAM's input and output
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

static void check(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static void copy(int from, int to)
{
    static char bytes[65536];
    ssize_t got;
    while ((got = read(from, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0; at < got;) {
            ssize_t done = write(to, bytes + at, got - at);
            check(done > 0, "write");
            at += done;
        }
    check(got == 0, "read");
}

int main(int count, char **words)
{
    struct sockaddr_vm address = { .svm_family = AF_VSOCK };
    int stream = socket(AF_VSOCK, SOCK_STREAM, 0);
    check(stream >= 0, "socket");
    if (count == 4 && !strcmp(words[1], "connect")) {
        address.svm_cid = strtoul(words[2], NULL, 10);
        address.svm_port = strtoul(words[3], NULL, 10);
        check(!connect(stream, (struct sockaddr *)&address, sizeof address), "connect");
        copy(0, stream);
        check(!shutdown(stream, SHUT_WR), "shutdown");
        copy(stream, 1);
        return 0;
    }
    check(count >= 4, "usage");
    address.svm_cid = VMADDR_CID_ANY;
    address.svm_port = strtoul(words[2], NULL, 10);
    check(!bind(stream, (struct sockaddr *)&address, sizeof address), "bind");
    check(!listen(stream, 1), "listen");
    int taken = accept(stream, NULL, NULL);
    check(taken >= 0, "accept");
    check(dup2(taken, 0) == 0 && dup2(taken, 1) == 1, "dup2");
    close(taken);
    close(stream);
    execvp(words[3], words + 3);
    check(0, words[3]);
}
