/*
 * The C side of KvmAgainstC: the same guests, the same work per exit, the same number of threads.
 *
 * usage: kvm exits NAME COUNT CPU     NAME: PORT_WRITE PORT_READ MMIO_WRITE MMIO_READ
 *        kvm interrupts COUNT CPU
 *        kvm kicks COUNT
 * prints nanoseconds per exit or round, or the median nanoseconds of a kick
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CODE 0x1000
#define HANDLER 0x2000
#define KICK (SIGRTMIN + 28)

static int machine;
static int vcpu;
static struct kvm_run *run;
static uint8_t *memory;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int check(int result, const char *what)
{
	if (result < 0)
		fail(what);
	return result;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	check(sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
}

static void *sleep_on(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void load(long address, const char *hex)
{
	for (; *hex; hex += 2) {
		unsigned int byte;

		sscanf(hex, "%2x", &byte);
		memory[address++] = byte;
	}
}

static void make_machine(int interrupts, const char *code)
{
	int kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");

	machine = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	if (interrupts) {
		struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };

		check(ioctl(machine, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
		check(ioctl(machine, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	}
	memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	struct kvm_userspace_memory_region region = {
		.memory_size = 1 << 20, .userspace_addr = (uintptr_t) memory };

	check(ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	load(CODE, code);
	vcpu = check(ioctl(machine, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	run = mmap(NULL, check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE"), PROT_READ | PROT_WRITE,
		   MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		fail("mmap of the vCPU");

	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rip = CODE, .rsp = 0x8000, .rflags = 2 };

	check(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	check(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

/* The calling thread may be kicked out of the guest, and the kick is blocked everywhere else. Returns that set. */
static sigset_t let_kick_in(void)
{
	sigset_t kick, inside;
	struct {
		uint32_t len;
		uint8_t set[8];
	} __attribute__((packed)) mask = { .len = 8 };

	sigemptyset(&kick);
	sigaddset(&kick, KICK);
	pthread_sigmask(SIG_BLOCK, &kick, NULL);
	pthread_sigmask(SIG_BLOCK, NULL, &inside);
	sigdelset(&inside, KICK);
	memcpy(mask.set, &inside, 8);
	check(ioctl(vcpu, KVM_SET_SIGNAL_MASK, &mask), "KVM_SET_SIGNAL_MASK");
	return kick;
}

/* What the Java side does per exit: read the reason and the access, handle it, answer, and look whether to stop. */
static uint64_t sum;

static void handle_exits(long count)
{
	while (count) {
		int result = ioctl(vcpu, KVM_RUN, 0);

		if (result < 0) {
			if (errno == EINTR)
				continue;
			fail("KVM_RUN");
		}
		switch (run->exit_reason) {
		case KVM_EXIT_IO: {
			uint8_t *data = (uint8_t *) run + run->io.data_offset;

			if (run->io.direction == KVM_EXIT_IO_OUT)
				sum += *data;
			else
				*data = count;
			count--;
			break;
		}
		case KVM_EXIT_MMIO:
			if (run->mmio.is_write)
				sum += run->mmio.data[0];
			else
				run->mmio.data[0] = count;
			count--;
			break;
		default:
			fprintf(stderr, "exit %d\n", run->exit_reason);
			exit(1);
		}
	}
}

static int exits(const char *name, long count, int cpu)
{
	const char *code = !strcmp(name, "PORT_WRITE") ? "ba1000eeebfd"
		: !strcmp(name, "PORT_READ") ? "ba1000ecebfd"
		: !strcmp(name, "MMIO_WRITE") ? "b8ffff8ec026a21000ebfa" : "b8ffff8ec026a01000ebfa";
	pthread_t thread;

	make_machine(0, code);
	/* Every monitor has a second thread, and with one the kernel counts uses of descriptors. */
	if (pthread_create(&thread, NULL, sleep_on, NULL))
		fail("pthread_create");
	/* Who runs a guest needs a way to get it out again; the kernel changes the mask at every entry and exit. */
	let_kick_in();
	pin(cpu);
	handle_exits(count / 4);
	double start = now();
	handle_exits(count);
	printf("%.1f\n", (now() - start) / count);
	return 0;
}

static volatile int stopping;

static void *run_guest(void *cpu)
{
	pin((int) (intptr_t) cpu);
	while (!stopping)
		if (ioctl(vcpu, KVM_RUN, 0) < 0 && errno != EINTR)
			fail("KVM_RUN");
	return NULL;
}

static int interrupts(long rounds, int cpu)
{
	make_machine(1, "fac7068c000020c7068e000000b011e620b020e621b004e621b001e621b0f7e621fbe650f4ebfd");
	load(HANDLER, "b020e620e650cf");
	int bell = check(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
	int irq = check(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
	struct kvm_ioeventfd doorbell = { .addr = 0x50, .len = 1, .fd = bell, .flags = KVM_IOEVENTFD_FLAG_PIO };
	struct kvm_irqfd line = { .fd = irq, .gsi = 3 };

	check(ioctl(machine, KVM_IOEVENTFD, &doorbell), "KVM_IOEVENTFD");
	check(ioctl(machine, KVM_IRQFD, &line), "KVM_IRQFD");

	int loop = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	struct epoll_event event = { .events = EPOLLIN };
	struct epoll_event events[64];
	pthread_t thread;

	check(epoll_ctl(loop, EPOLL_CTL_ADD, bell, &event), "epoll_ctl");
	if (pthread_create(&thread, NULL, run_guest, (void *) (intptr_t) cpu))
		fail("pthread_create");
	double start = 0;

	for (long left = rounds + rounds / 4 - 1;; left--) {
		uint64_t value;

		if (epoll_wait(loop, events, 64, -1) != 1)
			fail("epoll_wait");
		if (read(bell, &value, 8) != 8)
			fail("read");
		if (left == rounds)
			start = now();
		if (left == 0)
			break;
		value = 1;
		if (write(irq, &value, 8) != 8)
			fail("write");
	}
	printf("%.1f\n", (now() - start) / rounds);
	/* The guest halts inside the kernel; the process ends with it. */
	return 0;
}

static double *returned;
static volatile long round_done;
static long kick_count;
static pid_t runner_id;

static void *run_kicked(void *unused)
{
	sigset_t kick = let_kick_in();
	struct timespec zero = { 0 };

	__atomic_store_n(&runner_id, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	for (long i = 0; i < kick_count; i++) {
		if (ioctl(vcpu, KVM_RUN, 0) == 0 || errno != EINTR)
			fail("KVM_RUN was to be interrupted");
		__atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
		while (sigtimedwait(&kick, NULL, &zero) == KICK)
			;
		returned[i] = now();
		__atomic_store_n(&round_done, i + 1, __ATOMIC_RELEASE);
	}
	return unused;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static int kicks(long count)
{
	pthread_t thread;
	double *latencies = calloc(count, sizeof(double));

	returned = calloc(count, sizeof(double));
	kick_count = count;
	make_machine(0, "ebfe");
	if (pthread_create(&thread, NULL, run_kicked, NULL))
		fail("pthread_create");
	while (!__atomic_load_n(&runner_id, __ATOMIC_SEQ_CST))
		;
	for (long i = 0; i < count; i++) {
		double until = now() + 30000;

		while (now() < until)
			;
		double start = now();

		__atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		syscall(SYS_tgkill, getpid(), runner_id, KICK);
		while (__atomic_load_n(&round_done, __ATOMIC_ACQUIRE) <= i)
			;
		latencies[i] = returned[i] - start;
	}
	pthread_join(thread, NULL);
	qsort(latencies, count, sizeof(double), by_value);
	printf("%.1f\n", latencies[count / 2]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "exits"))
		return exits(argv[2], atol(argv[3]), atoi(argv[4]));
	if (argc == 4 && !strcmp(argv[1], "interrupts"))
		return interrupts(atol(argv[2]), atoi(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "kicks"))
		return kicks(atol(argv[2]));
	fprintf(stderr, "usage: see the source\n");
	return 2;
}
