/* Kernels that live on what an operating system does all day: system calls, page faults, changes of address space. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

#define PAGE 4096
/* Two gigabytes of addresses behind the one that everything lies in, for pages that come and go and for private ones. */
#define WINDOW 0x40000000ul
#define PRIVATE 0x80000000ul
#define WINDOW_PAGES 1024
#define PRIVATE_PAGES 8
/* Runs without vector registers: nobody saves them. */
#define KERNEL __attribute__((target("general-regs-only"), noinline, used))
#define TABLE static u64 __attribute__((aligned(PAGE)))

extern u64 level4[512], level3[512], descriptors[];

TABLE other_level4[512];
TABLE other_level3[512];
TABLE window_directory[512];
TABLE window_tables[WINDOW_PAGES];
TABLE window_memory[WINDOW_PAGES * 512];
TABLE private_directory[2][512];
TABLE private_table[2][512];
TABLE private_memory[2][PRIVATE_PAGES * 512];
static u8 user_stack[16384], call_stack[16384], fault_stack[16384], other_stack[16384];

/* What GS points at in the kernel: its stack for system calls, the program's, and the stack of who started the program. */
u64 processor[3] __attribute__((used));
static struct { u32 none; u64 stack[10]; u32 last; } __attribute__((packed)) task = {0};
static u64 gates[2 * 15] __attribute__((aligned(16)));

void enter_by_call(void), enter_by_fault(void), run_program(void (*program)(void), u8 *stack);
void switch_to(u64 *from, const u64 *to);

__asm__(
    "enter_by_call:\n"
    "    swapgs\n"
    "    movq %rsp, %gs:8\n"
    "    movq %gs:0, %rsp\n"
    "    testq %rax, %rax\n"
    "    jz 1f\n"
    "    pushq %gs:8; pushq %r11; pushq %rcx; pushq %rdx; pushq %rsi; pushq %rdi; pushq %r8; pushq %r9; pushq %r10\n"
    "    movq %rdi, %rsi; movq %rax, %rdi\n"
    "    call serve\n"
    "    popq %r10; popq %r9; popq %r8; popq %rdi; popq %rsi; popq %rdx; popq %rcx; popq %r11; popq %rsp\n"
    "    swapgs\n"
    "    sysretq\n"
    "1:  movq %gs:16, %rsp\n"
    "    swapgs\n"
    "    popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
    "    ret\n"
    "run_program:\n"
    "    pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
    "    movq %rsp, processor + 16\n"
    "    movq %rdi, %rcx; movq %rsi, %rsp; movl $2, %r11d\n"
    "    sysretq\n"
    "enter_by_fault:\n"
    "    pushq %rax; pushq %rcx; pushq %rdx; pushq %rsi; pushq %rdi; pushq %r8; pushq %r9; pushq %r10; pushq %r11\n"
    "    movq %cr2, %rdi\n"
    "    call map\n"
    "    popq %r11; popq %r10; popq %r9; popq %r8; popq %rdi; popq %rsi; popq %rdx; popq %rcx; popq %rax\n"
    "    addq $8, %rsp\n"
    "    iretq\n"
    "switch_to:\n"
    "    pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
    "    movq %rsp, (%rdi)\n"
    "    movq (%rsi), %rsp\n"
    "    movq 8(%rsi), %rax\n"
    "    movq %rax, %cr3\n"
    "    popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
    "    ret\n");

static void set(u32 msr, u64 value) {
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((u32) value), "d"((u32) (value >> 32)));
}

/* The first time: user mode with a way into the kernel for calls and one for faults, and a second address space. */
static void prepare(void) {
    if (processor[0]) return;
    processor[0] = (u64) (call_stack + sizeof call_stack);
    u64 base = (u64) &task;
    task.stack[0] = (u64) (fault_stack + sizeof fault_stack);
    task.last = sizeof task << 16;
    descriptors[5] = sizeof task - 1 | (base & 0xFFFFFF) << 16 | 0x89ul << 40 | (base >> 24 & 0xFF) << 56;
    descriptors[6] = base >> 32;
    __asm__ volatile("ltr %w0" : : "r"(0x28));
    u64 handler = (u64) enter_by_fault;
    gates[2 * 14] = handler & 0xFFFF | 8 << 16 | 0x8Eul << 40 | handler >> 16 << 48;
    gates[2 * 14 + 1] = handler >> 32;
    struct { unsigned short limit; u64 base; } __attribute__((packed)) idt = {sizeof gates - 1, (u64) gates};
    __asm__ volatile("lidt %0" : : "m"(idt));
    set(0xC0000080, 0x501); /* EFER: long mode, SYSCALL */
    set(0xC0000081, 0x13ul << 48 | 0x8ul << 32); /* STAR */
    set(0xC0000082, (u64) enter_by_call); /* LSTAR */
    set(0xC0000084, 0x700); /* FMASK: TF, IF, DF */
    set(0xC0000102, (u64) processor); /* KERNEL_GS_BASE */

    level3[1] = (u64) window_directory + 7;
    for (int i = 0; i < WINDOW_PAGES / 512; i++) window_directory[i] = (u64) (window_tables + 512 * i) + 7;
    other_level4[0] = (u64) other_level3 + 7;
    other_level3[0] = level3[0];
    level3[2] = (u64) private_directory[0] + 7;
    other_level3[2] = (u64) private_directory[1] + 7;
    for (int space = 0; space < 2; space++) {
        private_directory[space][0] = (u64) private_table[space] + 7;
        for (int i = 0; i < PRIVATE_PAGES; i++) private_table[space][i] = (u64) (private_memory[space] + 512 * i) + 7;
    }
}

/* ---- the kernel */

static u64 served, faults_seen;

KERNEL u64 serve(u64 call, u64 argument) {
    if (call == 2) {
        for (u64 i = 0; i < WINDOW_PAGES; i++) {
            window_tables[i] = 0;
            __asm__ volatile("invlpg (%0)" : : "r"(WINDOW + i * PAGE) : "memory");
        }
        return 0;
    }
    served++;
    return argument * 3 + served;
}

KERNEL void map(u64 address) {
    u64 page = (address - WINDOW) / PAGE;
    faults_seen++;
    window_tables[page] = (u64) (window_memory + 512 * page) + 7;
}

/* ---- programs of user mode */

static u64 call(u64 number, u64 argument) {
    u64 result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(argument) : "rcx", "r11", "memory");
    return result;
}

static u64 program_result;

static void calling(void) {
    u64 sum = 0;
    for (u64 i = 0; i < 60000; i++) sum = sum * 5 + call(1, i);
    program_result = sum;
    call(0, 0);
}

static void touching(void) {
    u64 sum = 0;
    for (int turn = 0; turn < 24; turn++) {
        for (u64 i = 0; i < WINDOW_PAGES; i++) {
            volatile u64 *place = (volatile u64 *) (WINDOW + i * PAGE + (i & 63) * 64);
            *place += i + turn;
            sum = sum * 5 + *place;
        }
        call(2, 0);
    }
    program_result = sum;
    call(0, 0);
}

u64 syscalls(void) {
    prepare();
    served = 0;
    run_program(calling, user_stack + sizeof user_stack);
    return program_result + served;
}

u64 faults(void) {
    prepare();
    faults_seen = 0;
    for (u64 i = 0; i < WINDOW_PAGES * 512; i++) window_memory[i] = 0;
    run_program(touching, user_stack + sizeof user_stack);
    return program_result + faults_seen;
}

/* ---- two threads with an address space each */

static u64 contexts[2][2];

static u64 visit(u64 n) {
    u64 sum = 0;
    for (u64 i = 0; i < PRIVATE_PAGES; i++) {
        volatile u64 *place = (volatile u64 *) (PRIVATE + i * PAGE + (n & 31) * 64);
        *place += n + i;
        sum += *place;
    }
    return sum;
}

static u64 other_sum;

static void other(void) {
    for (u64 n = 0;; n++) {
        other_sum = other_sum * 5 + visit(n * 7);
        switch_to(contexts[1], contexts[0]);
    }
}

u64 switches(void) {
    prepare();
    for (int i = 0; i < PRIVATE_PAGES * 512; i++) private_memory[0][i] = private_memory[1][i] = 0;
    other_sum = 0;
    contexts[0][1] = (u64) level4;
    contexts[1][1] = (u64) other_level4;
    u64 *top = (u64 *) (other_stack + sizeof other_stack) - 2; /* as if called: 8 below a multiple of 16 */
    *--top = (u64) other;
    contexts[1][0] = (u64) (top - 6);
    u64 sum = 0;
    for (u64 n = 0; n < 20000; n++) {
        sum = sum * 5 + visit(n);
        switch_to(contexts[0], contexts[1]);
    }
    return sum ^ other_sum;
}
