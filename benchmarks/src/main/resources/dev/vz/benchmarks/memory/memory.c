/*
 * The C side of MemoryAgainstC: guest memory as a monitor in C would have it. A table of regions that another thread may
 * replace, searched for every access, the access checked against the region's end, and writes marked where somebody tracks.
 *
 * usage: memory CPU ROUNDS      prints a line "NAME nanoseconds" for each kind of access
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define REGION (16L << 20)
#define HIGH (4L << 30)
#define SMALL (16L << 10)
#define PAGES 64

struct region {
	uint64_t start;
	uint64_t size;
	uint8_t *host;
	uint64_t *_Atomic dirty;
};

struct table {
	int count;
	struct region *regions[2];
};

static struct table *_Atomic current;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* The region that holds all of it; a monitor reports the guest's mistake where this finds none. */
static inline struct region *find(uint64_t gpa, uint64_t length)
{
	struct table *table = current;
	int low = 0, high = table->count - 1;

	while (low <= high) {
		int middle = (low + high) / 2;
		struct region *region = table->regions[middle];
		uint64_t offset = gpa - region->start;

		if (gpa < region->start)
			high = middle - 1;
		else if (offset >= region->size)
			low = middle + 1;
		else if (region->size - offset >= length)
			return region;
		else
			break;
	}
	fprintf(stderr, "no memory at 0x%lx\n", gpa);
	exit(1);
}

static inline void mark(struct region *region, uint64_t offset, uint64_t length)
{
	uint64_t *dirty = region->dirty;

	if (dirty)
		for (uint64_t page = offset >> 12; page <= (offset + length - 1) >> 12; page++)
			__atomic_fetch_or(&dirty[page >> 6], 1UL << (page & 63), __ATOMIC_RELAXED);
}

#define ACCESS(bits)                                                                      \
	static inline uint##bits##_t read_##bits(uint64_t gpa)                            \
	{                                                                                 \
		struct region *region = find(gpa, sizeof(uint##bits##_t));                \
		uint##bits##_t value;                                                     \
                                                                                          \
		memcpy(&value, region->host + (gpa - region->start), sizeof(value));      \
		return value;                                                             \
	}
ACCESS(16)
ACCESS(32)
ACCESS(64)

static inline void write_32(uint64_t gpa, uint32_t value)
{
	struct region *region = find(gpa, sizeof(value));

	memcpy(region->host + (gpa - region->start), &value, sizeof(value));
	mark(region, gpa - region->start, sizeof(value));
}

static inline void copy_out(uint64_t gpa, uint8_t *target, uint64_t length)
{
	struct region *region = find(gpa, length);

	memcpy(target, region->host + (gpa - region->start), length);
}

static inline void copy_in(uint64_t gpa, const uint8_t *source, uint64_t length)
{
	struct region *region = find(gpa, length);

	memcpy(region->host + (gpa - region->start), source, length);
	mark(region, gpa - region->start, length);
}

static struct region *make_region(uint64_t start)
{
	struct region *region = calloc(1, sizeof(*region));

	region->start = start;
	region->size = REGION;
	int file = memfd_create("guest memory", MFD_CLOEXEC);

	if (file < 0 || ftruncate(file, REGION))
		fail("memfd_create");
	region->host = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (region->host == MAP_FAILED)
		fail("mmap");
	memset(region->host, 1, REGION);
	return region;
}

/* Lengths come from the guest: no compiler knows them. */
static volatile uint64_t line_length = 64, page_length = 4096;
/* Half a page off the guest's pages, so that no load seems to follow a store to its own address. */
static uint8_t aligned[SMALL + 2048] __attribute__((aligned(4096)));
static uint8_t *const buffer = aligned + 2048;
static uint64_t sum;

static void print(const char *name, double start, long operations)
{
	printf("%s %.4f\n", name, (now() - start) / operations);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: memory CPU ROUNDS\n");
		return 2;
	}
	cpu_set_t cpus;
	long rounds = atol(argv[2]);

	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("sched_setaffinity");

	struct table *table = calloc(1, sizeof(*table));
	uint64_t line = line_length, page = page_length;

	table->count = 2;
	table->regions[0] = make_region(0);
	table->regions[1] = make_region(HIGH);
	current = table;

	double start = now();
	for (long i = 0; i < rounds; i++)
		for (long at = 0; at < SMALL; at += 4)
			sum += read_32(HIGH + at);
	print("read-32", start, rounds * SMALL / 4);

	start = now();
	for (long i = 0; i < rounds; i++)
		for (long at = 0; at < SMALL; at += 4)
			write_32(HIGH + at, i);
	print("write-32", start, rounds * SMALL / 4);

	start = now();
	for (long i = 0; i < rounds; i++)
		for (long at = 0; at < SMALL; at += 16)
			sum += read_64(HIGH + at) + read_32(HIGH + at + 8) + read_16(HIGH + at + 12) + read_16(HIGH + at + 14);
	print("descriptor", start, rounds * SMALL / 16);

	uint8_t *slice = find(HIGH, SMALL)->host;

	start = now();
	for (long i = 0; i < rounds; i++)
		for (long at = 0; at < SMALL; at += 16)
			sum += *(uint64_t *) (slice + at) + *(uint32_t *) (slice + at + 8) + *(uint16_t *) (slice + at + 12) +
			       *(uint16_t *) (slice + at + 14);
	print("descriptor-of-slice", start, rounds * SMALL / 16);

	uint64_t random = 1;
	start = now();
	for (long i = 0; i < rounds * 256; i++) {
		random = random * 6364136223846793005UL + 1442695040888963407UL;
		sum += read_32((random >> 20 & (REGION - 4)) + (random >> 63) * HIGH);
	}
	print("read-32-random", start, rounds * 256);

	start = now();
	for (long i = 0; i < rounds; i++)
		for (long at = 0; at < SMALL; at += 64) {
			copy_out(HIGH + at, buffer, line);
			sum += buffer[0];
		}
	print("copy-out-64", start, rounds * SMALL / 64);

	start = now();
	for (long i = 0; i < rounds; i++)
		for (long at = 0; at < SMALL; at += 64) {
			buffer[0] = i;
			copy_in(HIGH + at, buffer, line);
		}
	print("copy-in-64", start, rounds * SMALL / 64);

	start = now();
	for (long i = 0; i < rounds; i++) {
		long at = i % PAGES * 4096;

		copy_out(HIGH + at, buffer, page);
		sum += buffer[i % 4096];
	}
	print("copy-out-4096", start, rounds);

	start = now();
	for (long i = 0; i < rounds; i++) {
		long at = i % PAGES * 4096;

		buffer[i % 4096] = i;
		copy_in(HIGH + at, buffer, page);
	}
	print("copy-in-4096", start, rounds);
	fprintf(stderr, "%s", sum ? "" : "nothing was read\n");
	return 0;
}
