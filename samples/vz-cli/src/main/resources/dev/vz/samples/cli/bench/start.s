# Multiboot (version 1, address fields) for QEMU; the emulator enters at "start" in flat 32-bit mode, too.
# Maps the first 64 MiB one to one with pages of 2 MiB, for user mode, too, goes to 64-bit mode and calls main.
        .code32
        .globl start, level4, level3, descriptors
        .section .text.start, "ax"
        .align 4
multiboot:
        .long 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
        .long multiboot, 0x100000, 0, end_of_bss, start
start:
        cli
        cld
        movl $end_of_bss, %ecx
        movl $start_of_bss, %edi
        subl %edi, %ecx
        xorl %eax, %eax
        rep stosb
        movl $level3 + 7, level4
        movl $level2 + 7, level3
        movl $0x87, %eax
        movl $level2, %edi
        movl $32, %ecx
1:      movl %eax, (%edi)
        addl $0x200000, %eax
        addl $8, %edi
        loop 1b
        movl $level4, %eax
        movl %eax, %cr3
        movl $0x620, %eax
        movl %eax, %cr4
        movl $0xC0000080, %ecx
        xorl %edx, %edx
        movl $0x100, %eax
        wrmsr
        lgdt table
        movl $0x80010033, %eax
        movl %eax, %cr0
        ljmp $8, $long_mode
        .code64
long_mode:
        movl $0x10, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        movl $stack_top, %esp
        call main
        xorl %eax, %eax
        movw $0xF4, %dx
        outb %al, %dx
        hlt
        .align 8
# The kernel's code and data, the data and code of programs, a task state segment to be filled in.
descriptors:
        .quad 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF, 0, 0
table:  .word 55
        .long descriptors
        .bss
        .align 4096
level4: .skip 4096
level3: .skip 4096
level2: .skip 4096
        .skip 65536
stack_top:
