/* What a guest does while its disk and its network card are measured.
 *   load disk WARM SECONDS DEVICE write|read BLOCK THREADS   blocks in order, or anywhere if they are of 4 KiB
 *   load net WARM SECONDS ADDRESS PORT send|receive          one connection; before it another, which does not count
 * Prints bytes per second, by the guest's own clock. The page cache is left out: O_DIRECT. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SMALL 4096
#define STREAM 131072

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int disk, writes;
static size_t block;
static uint64_t blocks;
static volatile int counts, over;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t total;

static void *work(void *number) {
    uint64_t seed = 0x9E3779B97F4A7C15ull * (1 + (uintptr_t) number), next = 0, done = 0;
    unsigned char *buffer = aligned_alloc(SMALL, block);
    for (size_t i = 0; i < block; i++) buffer[i] = (unsigned char) (i * 31 + (i >> 9) + 1);
    while (!over) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        uint64_t index = (block == SMALL ? seed : next++) % blocks;
        ssize_t n = writes ? pwrite(disk, buffer, block, (off_t) (index * block))
                           : pread(disk, buffer, block, (off_t) (index * block));
        if (n != (ssize_t) block) fail("disk");
        if (counts) done += block;
    }
    pthread_mutex_lock(&lock);
    total += done;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void pause_for(double seconds) {
    double end = now() + seconds;
    for (double left = seconds; left > 0; left = end - now()) usleep((useconds_t) (left * 1e6) + 1);
}

static double disk_rate(double warm, double seconds, char **words) {
    pthread_t threads[64];
    long count = atol(words[3]);
    uint64_t size;
    writes = strcmp(words[1], "write") == 0;
    block = strtoul(words[2], NULL, 10);
    disk = open(words[0], O_RDWR | O_DIRECT);
    if (disk < 0 || ioctl(disk, BLKGETSIZE64, &size) < 0 || count < 1 || count > 64) fail(words[0]);
    blocks = size / block;
    for (long i = 0; i < count; i++) pthread_create(&threads[i], NULL, work, (void *) i);
    pause_for(warm);
    double begin = now();
    counts = 1;
    pause_for(seconds);
    over = 1;
    for (long i = 0; i < count; i++) pthread_join(threads[i], NULL);
    return (double) total / (now() - begin);
}

static double stream(double seconds, const char *address, int port, int sends) {
    static char buffer[STREAM];
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    uint64_t bytes = 0;
    inet_pton(AF_INET, address, &server.sin_addr);
    if (connect(s, (struct sockaddr *) &server, sizeof server) < 0) fail(address);
    if (write(s, sends ? "s" : "r", 1) != 1) fail("connection");
    double begin = now();
    while (now() - begin < seconds) {
        ssize_t n = sends ? write(s, buffer, sizeof buffer) : read(s, buffer, sizeof buffer);
        if (n <= 0) fail("connection");
        bytes += (uint64_t) n;
    }
    if (sends) {
        /* What is still on its way counts only once it has arrived: then the server closes. */
        shutdown(s, SHUT_WR);
        if (read(s, buffer, 1) != 0) fail("end of connection");
    }
    double rate = (double) bytes / (now() - begin);
    close(s);
    return rate;
}

int main(int count, char **words) {
    if (count < 7) return 2;
    double warm = atof(words[2]), seconds = atof(words[3]), rate;
    if (strcmp(words[1], "disk") == 0) {
        if (count < 8) return 2;
        rate = disk_rate(warm, seconds, words + 4);
    } else {
        int sends = strcmp(words[6], "send") == 0;
        stream(warm, words[4], atoi(words[5]), sends);
        rate = stream(seconds, words[4], atoi(words[5]), sends);
    }
    printf("%.0f\n", rate);
    return 0;
}
