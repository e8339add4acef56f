/*
 * The C side of SystemCallsAgainstC: times the same system calls as the Java side, in the same order.
 *
 * usage: system-calls CPU CALLS THREADS
 * prints one line per operation: its name and nanoseconds per call
 *
 * THREADS 2 adds a thread that sleeps. The kernel then counts every use of a descriptor with atomic operations, which it
 * spares a process of one thread. A JVM always has several threads, and so has every monitor with vCPU threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *sleep_on(void *unused)
{
	for (;;)
		pause();
	return unused;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: %s CPU CALLS THREADS\n", argv[0]);
		return 2;
	}
	long calls = atol(argv[2]);
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("sched_setaffinity");
	for (int i = 1; i < atoi(argv[3]); i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, sleep_on, NULL))
			fail("pthread_create");
	}

	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int file = memfd_create("benchmark", MFD_CLOEXEC);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event interest = {.events = EPOLLIN};
	struct epoll_event ready[64];
	static char buffer[4096];

	if (null < 0 || event < 0 || file < 0 || epoll < 0 || ftruncate(file, sizeof(buffer)) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, event, &interest))
		fail("set-up");

	long errors = 0;
	double start = now();
	for (long i = 0; i < calls; i++)
		if (ioctl(null, FIOCLEX, 0) == -1)
			errors += errno;
	printf("ioctl %.2f\n", (now() - start) / calls);
	if (errors)
		fail("FIOCLEX");

	start = now();
	for (long i = 0; i < calls; i++)
		if (ioctl(null, 0x7a7a, 0) == -1)
			errors += errno;
	printf("ioctl-errno %.2f\n", (now() - start) / calls);
	if (errors != calls * ENOTTY)
		fail("an unknown ioctl");

	start = now();
	for (long i = 0; i < calls; i++) {
		uint64_t count = 1;

		if (write(event, &count, sizeof(count)) != sizeof(count) ||
		    read(event, &count, sizeof(count)) != sizeof(count) || count != 1)
			fail("eventfd");
	}
	printf("eventfd-round %.2f\n", (now() - start) / calls);

	start = now();
	for (long i = 0; i < calls; i++)
		if (pread(file, buffer, 512, 1024) != 512)
			fail("pread");
	printf("pread-512 %.2f\n", (now() - start) / calls);

	start = now();
	for (long i = 0; i < calls; i++) {
		uint64_t count = 1;

		if (write(event, &count, sizeof(count)) != sizeof(count) ||
		    epoll_wait(epoll, ready, 64, -1) != 1 || read(event, &count, sizeof(count)) != sizeof(count))
			fail("epoll");
	}
	printf("epoll-round %.2f\n", (now() - start) / calls);
	return 0;
}
