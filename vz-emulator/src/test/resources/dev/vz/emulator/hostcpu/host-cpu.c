/*
 * Executes single instructions on the host's CPU, for tests to compare with.
 *
 * Usage: host-cpu FILE CASES
 * FILE holds CASES records (struct record) and is shared with the test. Each line on standard input is
 * "HEXCODE COUNT": the instruction's bytes, and how many records to run it on. The answer is "done COUNT".
 * The instruction finds: the x87 and SSE state of the record, rax, rcx, rdx, rbx and the flags of the record, and
 * rdi pointing to the record's 128-byte memory operand. What it leaves goes back into the record.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

struct record {
    uint8_t fx[512];
    uint8_t memory[128];
    uint64_t rax, rcx, rdx, rbx, flags;
    uint64_t signal; /* the signal that the instruction ended in, or 0 */
    uint64_t unused[2];
};

static volatile uint64_t signalled;
static unsigned char *code;

void run_case(struct record *record, void *instruction);

__asm__(
    ".text\n"
    ".globl run_case\n"
    "run_case:\n"
    "  push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "  mov %rdi, %r15\n"
    "  mov %rsi, %r14\n"
    "  fxrstor64 (%r15)\n"
    "  lea 512(%r15), %rdi\n"
    "  mov 656(%r15), %rdx\n"
    "  mov 664(%r15), %rbx\n"
    "  mov 648(%r15), %rcx\n"
    "  mov 640(%r15), %rax\n"
    "  pushq 672(%r15)\n"
    "  popfq\n"
    "  call *%r14\n"
    "  pushfq\n"
    "  popq 672(%r15)\n"
    "  mov %rax, 640(%r15)\n"
    "  mov %rcx, 648(%r15)\n"
    "  mov %rdx, 656(%r15)\n"
    "  mov %rbx, 664(%r15)\n"
    "  fxsave64 (%r15)\n"
    "  fninit\n"
    "  pushq $0x1f80\n"
    "  ldmxcsr (%rsp)\n"
    "  pop %rax\n"
    "  pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
    "  ret\n");

/* Leaves the instruction as if it had returned; the state it had reached stays in the registers. */
static void on_signal(int number, siginfo_t *info, void *context) {
    (void) info;
    ucontext_t *c = context;
    greg_t *g = c->uc_mcontext.gregs;
    if ((unsigned char *) g[REG_RIP] < code || (unsigned char *) g[REG_RIP] >= code + 4096) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    signalled = number;
    g[REG_RIP] = *(greg_t *) g[REG_RSP];
    g[REG_RSP] += 8;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: host-cpu FILE CASES\n");
        return 2;
    }
    size_t cases = strtoul(argv[2], NULL, 10);
    int fd = open(argv[1], O_RDWR);
    if (fd < 0) {
        perror(argv[1]);
        return 1;
    }
    struct record *records = mmap(NULL, cases * sizeof *records, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (records == MAP_FAILED || code == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    int numbers[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], &action, NULL);
    }
    char hex[64];
    size_t count;
    while (scanf("%63s %zu", hex, &count) == 2) {
        size_t length = strlen(hex) / 2;
        for (size_t i = 0; i < length; i++) {
            unsigned byte;
            sscanf(hex + 2 * i, "%2x", &byte);
            code[i] = byte;
        }
        code[length] = 0xc3;
        for (size_t i = 0; i < count && i < cases; i++) {
            signalled = 0;
            run_case(&records[i], code);
            records[i].signal = signalled;
        }
        printf("done %zu\n", count);
        fflush(stdout);
    }
    return 0;
}
