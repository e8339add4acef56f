/* Clients and servers of the comparison that are not packaged anywhere: connect, serve, blast, pour, drain and answer. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in server;
static volatile int over;

static void *visit(void *count) {
    while (!over) {
        char byte;
        int s = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(s, (struct sockaddr *) &server, sizeof server) == 0 && read(s, &byte, 1) == 0) {
            ++*(long *) count;
        }
        close(s);
    }
    return NULL;
}

/* connect ADDRESS CLIENTS SECONDS: connects, waits for the server to close, and begins again; prints how often. */
static int connect_to(const char *address, int clients, int seconds) {
    pthread_t threads[64];
    long counts[64] = {0}, sum = 0;
    inet_pton(AF_INET, address, &server.sin_addr);
    for (int i = 0; i < clients && i < 64; i++) pthread_create(&threads[i], NULL, visit, &counts[i]);
    sleep(seconds);
    for (int i = 0; i < clients && i < 64; i++) sum += counts[i];
    printf("%ld\n", sum);
    fflush(stdout);
    _exit(0);
}

/* serve ADDRESS: closes each connection as soon as it stands. */
static int serve(const char *address) {
    int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, address, &server.sin_addr);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *) &server, sizeof server) || listen(s, 4096)) return 1;
    for (;;) close(accept(s, NULL, NULL));
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* blast INTERFACE MAC MAC LENGTH SECONDS: sends frames as fast as the interface takes them; prints how many. */
static int blast(char **words) {
    unsigned char frame[2048];
    struct mmsghdr messages[64];
    struct iovec vector = {frame, atoi(words[3])};
    struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(words[0])};
    double end = now() + atof(words[4]);
    long sent = 0;
    int s = socket(AF_PACKET, SOCK_RAW, 0);
    memset(frame, 'A', sizeof frame);
    for (int i = 0; i < 2; i++) {
        unsigned char *b = frame + 6 * i;
        sscanf(words[1 + i], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", b, b + 1, b + 2, b + 3, b + 4, b + 5);
    }
    frame[12] = 0x88;
    frame[13] = 0xb5;
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 64; i++) {
        messages[i].msg_hdr.msg_iov = &vector;
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    if (vector.iov_len < 14 || vector.iov_len > sizeof frame || bind(s, (void *) &where, sizeof where)) return 1;
    while (now() < end) {
        int n = sendmmsg(s, messages, 64, 0);
        if (n > 0) sent += n;
    }
    printf("%ld\n", sent);
    return 0;
}

/* pour ADDRESS LENGTH SECONDS: sends datagrams of that length, 32 in a call (UDP_SEGMENT), as senders of QUIC do. */
static int pour(char **words) {
    static char data[65536];
    int length = atoi(words[1]), s = socket(AF_INET, SOCK_DGRAM, 0);
    double end = now() + atof(words[2]);
    inet_pton(AF_INET, words[0], &server.sin_addr);
    if (length < 1 || length > 2000 || connect(s, (struct sockaddr *) &server, sizeof server)
            || setsockopt(s, IPPROTO_UDP, 103, &length, sizeof length)) return 1;
    while (now() < end) {
        if (send(s, data, 32 * length, 0) < 0) usleep(1000); /* nobody listens yet */
    }
    return 0;
}

/* drain ADDRESS LENGTH SECONDS: takes such datagrams, several in a call where the kernel joins them (UDP_GRO); prints how many. */
static int drain(char **words) {
    static char data[65536];
    int one = 1, room = 8 << 20, length = atoi(words[1]), s = socket(AF_INET, SOCK_DGRAM, 0);
    double end = now() + atof(words[2]);
    long bytes = 0;
    struct timeval patience = {0, 100000};
    inet_pton(AF_INET, words[0], &server.sin_addr);
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(s, IPPROTO_UDP, 104, &one, sizeof one);
    if (length < 1 || bind(s, (struct sockaddr *) &server, sizeof server)) return 1;
    while (now() < end) {
        ssize_t n = recv(s, data, sizeof data, 0);
        if (n > 0) bytes += n;
    }
    printf("%ld\n", bytes / length);
    return 0;
}

/* answer ADDRESS: a name server that knows one address for every name. */
static int answer(const char *address) {
    static const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 7};
    unsigned char message[1024];
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    server.sin_port = htons(53);
    inet_pton(AF_INET, address, &server.sin_addr);
    if (bind(s, (struct sockaddr *) &server, sizeof server)) return 1;
    for (;;) {
        struct sockaddr_in from;
        socklen_t length = sizeof from;
        ssize_t n = recvfrom(s, message, 512, 0, (struct sockaddr *) &from, &length);
        ssize_t end = 12;
        while (end < n && message[end]) end += message[end] + 1;
        end += 5;
        if (n < 17 || end > n) continue;
        message[2] = 0x81;
        message[3] = 0x80;
        memset(message + 6, 0, 6);
        message[7] = 1;
        memcpy(message + end, record, sizeof record);
        sendto(s, message, end + sizeof record, 0, (struct sockaddr *) &from, length);
    }
}

int main(int argc, char **words) {
    server.sin_family = AF_INET;
    server.sin_port = htons(5300);
    if (argc == 5 && !strcmp(words[1], "connect")) return connect_to(words[2], atoi(words[3]), atoi(words[4]));
    if (argc == 3 && !strcmp(words[1], "serve")) return serve(words[2]);
    if (argc == 7 && !strcmp(words[1], "blast")) return blast(words + 2);
    if (argc == 5 && !strcmp(words[1], "pour")) return pour(words + 2);
    if (argc == 5 && !strcmp(words[1], "drain")) return drain(words + 2);
    if (argc == 3 && !strcmp(words[1], "answer")) return answer(words[2]);
    return 2;
}
