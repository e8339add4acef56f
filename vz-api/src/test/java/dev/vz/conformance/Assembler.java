package dev.vz.conformance;

import dev.vz.error.ConfigurationException;

/**
 * Writes x86 machine code: the few dozen instructions that the kit's guests are made of.
 *
 * <p>
 * Operand sizes are bytes (1, 2, 4, 8) and explicit; the prefixes follow from them and from the code size. Jumps are near.
 * Labels are strings, may be used before they are set, and resolve when {@link #assemble} is called. Encodings: Intel SDM
 * 2; they are compared with objdump in {@code AssemblerTest}.
 */
public final class Assembler {

    private final CodeBuffer code;

    /**
     * Starts with nothing.
     *
     * @param bits   16, 32 or 64
     * @param origin offset in the code segment at which the first byte will be
     */
    public Assembler(int bits, long origin) {
        code = new CodeBuffer(bits, origin);
    }

    // ---------------------------------------------------------------------------------------- labels and data

    /** The size of addresses and of stack words, in bytes. */
    public int wordSize() {
        return code.wordSize();
    }

    /** These bytes: an instruction that has no method here. Say in {@code disassembly} which. */
    public Assembler raw(String disassembly, int... bytes) {
        if (disassembly.isBlank()) {
            throw new ConfigurationException("Say what the bytes are");
        }
        return bytes(bytes);
    }

    /** Here is {@code name}. */
    public Assembler label(String name) {
        code.label(name);
        return this;
    }

    /** Data: {@code size} bytes of {@code value}. */
    public Assembler data(int size, long value) {
        code.little(value, size);
        return this;
    }

    /** Data: the offset of {@code label} in the code segment, {@code size} bytes. */
    public Assembler data(int size, String label) {
        code.reference(label, size, false);
        return this;
    }

    /** Fills with NOPs up to {@code offset} from the first byte. */
    public Assembler padTo(int offset) {
        if (size() > offset) {
            throw new ConfigurationException("The code is past offset " + offset + " already: " + size());
        }
        while (size() < offset) {
            nop();
        }
        return this;
    }

    /** Bytes so far. */
    public int size() {
        return code.size();
    }

    /** Offset in the code segment of {@code label}; after it was set. */
    public long address(String label) {
        return code.address(label);
    }

    /** All bytes, with the labels filled in. */
    public byte[] assemble() {
        return code.assemble();
    }

    private Assembler bytes(int... bytes) {
        code.bytes(bytes);
        return this;
    }

    private Assembler little(long value, int size) {
        code.little(value, size);
        return this;
    }

    private Assembler reference(String label, int size, boolean relative) {
        code.reference(label, size, relative);
        return this;
    }

    private void prefixes(int size, int reg, int rm) {
        code.prefixes(size, reg, rm);
    }

    private Assembler registers(int size, int opcode, Register reg, Register rm) {
        code.registers(size, opcode, reg, rm);
        return this;
    }

    private Assembler register(int size, int opcode, int digit, Register rm) {
        code.register(size, opcode, digit, rm);
        return this;
    }

    private Assembler memory(int size, int opcode, Register reg, Memory rm) {
        code.memory(size, opcode, reg, rm);
        return this;
    }

    private Assembler memory(int size, int opcode, int digit, Memory rm) {
        code.memory(size, opcode, digit, rm);
        return this;
    }

    /** Operand size of pushes and indirect jumps: that of the code, which needs no prefix in any mode. */
    private int natural() {
        return Math.min(wordSize(), 4);
    }

    private int near() {
        return wordSize() == 2 ? 2 : 4;
    }

    // ------------------------------------------------------------------------------------------ data movement

    /** {@code MOV register, value}. */
    public Assembler mov(int size, Register register, long value) {
        if (size == 8 && value == (int) value) {
            return register(8, 0xC7, 0, register).little(value, 4);
        }
        code.shortForm(size, size == 1 ? 0xB0 : 0xB8, register);
        return little(value, size);
    }

    /** {@code MOV register, label}: its offset in the code segment, in a register of the code's size. */
    public Assembler mov(Register register, String label) {
        code.shortForm(wordSize(), 0xB8, register);
        return reference(label, wordSize(), false);
    }

    /** {@code MOV to, from}. */
    public Assembler mov(int size, Register to, Register from) {
        return registers(size, 0x89, from, to);
    }

    /** {@code MOV to, [from]}. */
    public Assembler load(int size, Register to, Memory from) {
        return memory(size, 0x8B, to, from);
    }

    /** {@code MOV [to], from}. */
    public Assembler store(int size, Memory to, Register from) {
        return memory(size, 0x89, from, to);
    }

    /** {@code MOV [to], value}; 8 bytes sign-extend 4. */
    public Assembler store(int size, Memory to, long value) {
        return memory(size, 0xC7, 0, to).little(value, Math.min(size, 4));
    }

    /** {@code MOVZX to, [from]}: {@code size} bytes, 1 or 2, into 4. */
    public Assembler loadZeroExtended(int size, Register to, Memory from) {
        return memory(4, size == 1 ? 0x0FB6 : 0x0FB7, to, from);
    }

    /** {@code XCHG [memory], register}: locked by itself. */
    public Assembler exchange(int size, Memory memory, Register register) {
        return memory(size, 0x87, register, memory);
    }

    /** {@code LOCK XADD [memory], register}. */
    public Assembler lockExchangeAdd(int size, Memory memory, Register register) {
        return bytes(0xF0).memory(size, 0x0FC1, register, memory);
    }

    /** {@code LOCK CMPXCHG [memory], register}. */
    public Assembler lockCompareExchange(int size, Memory memory, Register register) {
        return bytes(0xF0).memory(size, 0x0FB1, register, memory);
    }

    /** {@code LOCK INC [memory]}. */
    public Assembler lockIncrement(int size, Memory memory) {
        return bytes(0xF0).memory(size, 0xFF, 0, memory);
    }

    /** {@code PUSH register}, of the code's size. */
    public Assembler push(Register register) {
        code.shortForm(natural(), 0x50, register);
        return this;
    }

    /** {@code POP register}, of the code's size. */
    public Assembler pop(Register register) {
        code.shortForm(natural(), 0x58, register);
        return this;
    }

    /** {@code PUSH value}: sign-extended to the code's size. */
    public Assembler push(int value) {
        return value == (byte) value ? bytes(0x6A, value) : bytes(0x68).little(value, near());
    }

    /** {@code PUSHF}. */
    public Assembler pushFlags() {
        return bytes(0x9C);
    }

    /** {@code POPF}. */
    public Assembler popFlags() {
        return bytes(0x9D);
    }

    /** {@code MOV segment, register}. */
    public Assembler mov(SegmentRegister segment, Register register) {
        return bytes(0x8E, 0xC0 | segment.ordinal() << 3 | register.ordinal());
    }

    /** {@code MOV register, segment}: 16 bits. */
    public Assembler mov(Register register, SegmentRegister segment) {
        prefixes(2, segment.ordinal(), register.ordinal());
        return bytes(0x8C, 0xC0 | segment.ordinal() << 3 | register.ordinal() & 7);
    }

    // --------------------------------------------------------------------------------------------- arithmetic

    /** {@code ADD to, from} and its like. */
    public Assembler alu(Alu operation, int size, Register to, Register from) {
        return registers(size, operation.ordinal() << 3 | 1, from, to);
    }

    /** {@code ADD to, value} and its like; {@code value} sign-extends from 32 bits. */
    public Assembler alu(Alu operation, int size, Register to, int value) {
        return register(size, 0x81, operation.ordinal(), to).little(value, Math.min(size, 4));
    }

    /** {@code ADD [to], value} and its like; {@code value} sign-extends from 32 bits. */
    public Assembler alu(Alu operation, int size, Memory to, int value) {
        return memory(size, 0x81, operation.ordinal(), to).little(value, Math.min(size, 4));
    }

    /** {@code INC register}. */
    public Assembler inc(int size, Register register) {
        return register(size, 0xFF, 0, register);
    }

    /** {@code DEC register}. */
    public Assembler dec(int size, Register register) {
        return register(size, 0xFF, 1, register);
    }

    /** {@code INC [memory]}. */
    public Assembler inc(int size, Memory memory) {
        return memory(size, 0xFF, 0, memory);
    }

    /** {@code DIV register}: divides DX:AX, or AX for bytes. */
    public Assembler div(int size, Register register) {
        return register(size, 0xF7, 6, register);
    }

    /** {@code MUL register}. */
    public Assembler mul(int size, Register register) {
        return register(size, 0xF7, 4, register);
    }

    /** {@code SHL register, count}. */
    public Assembler shl(int size, Register register, int count) {
        return register(size, 0xC1, 4, register).bytes(count);
    }

    /** {@code SHR register, count}. */
    public Assembler shr(int size, Register register, int count) {
        return register(size, 0xC1, 5, register).bytes(count);
    }

    // ------------------------------------------------------------------------------------------- control flow

    /** {@code JMP label}. */
    public Assembler jmp(String label) {
        return bytes(0xE9).reference(label, near(), true);
    }

    /** {@code Jcc label}. */
    public Assembler jump(Condition condition, String label) {
        return bytes(0x0F, 0x80 | condition.ordinal()).reference(label, near(), true);
    }

    /** {@code JMP register}. */
    public Assembler jmp(Register register) {
        return register(natural(), 0xFF, 4, register);
    }

    /** {@code JMP selector:offset}, in 16- and 32-bit code; the offset has 32 bits. */
    public Assembler farJump(int selector, int offset) {
        prefixes(4, 0, 0);
        return bytes(0xEA).little(offset, 4).little(selector, 2);
    }

    /** {@code CALL label}. */
    public Assembler call(String label) {
        return bytes(0xE8).reference(label, near(), true);
    }

    /** {@code RET}. */
    public Assembler ret() {
        return bytes(0xC3);
    }

    /** {@code IRET}, of the code's size. */
    public Assembler iret() {
        return wordSize() == 8 ? bytes(0x48, 0xCF) : bytes(0xCF);
    }

    /** {@code INT vector}. */
    public Assembler interrupt(int vector) {
        return bytes(0xCD, vector);
    }

    // ------------------------------------------------------------------------------------------- input, output

    /** {@code IN}: {@code size} bytes of {@code port} (0 to 0xFF) into AL, AX or EAX. */
    public Assembler in(int size, int port) {
        prefixes(size, 0, 0);
        return bytes(size == 1 ? 0xE4 : 0xE5, port);
    }

    /** {@code OUT}: {@code size} bytes of AL, AX or EAX to {@code port} (0 to 0xFF). */
    public Assembler out(int size, int port) {
        prefixes(size, 0, 0);
        return bytes(size == 1 ? 0xE6 : 0xE7, port);
    }

    /** {@code IN} from the port in DX. */
    public Assembler inDx(int size) {
        prefixes(size, 0, 0);
        return bytes(size == 1 ? 0xEC : 0xED);
    }

    /** {@code OUT} to the port in DX. */
    public Assembler outDx(int size) {
        prefixes(size, 0, 0);
        return bytes(size == 1 ? 0xEE : 0xEF);
    }

    /** {@code REP INS}: from the port in DX to ES:DI, CX times. */
    public Assembler repIns(int size) {
        return string(size, 0x6D);
    }

    /** {@code REP OUTS}: from DS:SI to the port in DX, CX times. */
    public Assembler repOuts(int size) {
        return string(size, 0x6F);
    }

    /** {@code REP MOVS}. */
    public Assembler repMovs(int size) {
        return string(size, 0xA5);
    }

    /** {@code REP STOS}. */
    public Assembler repStos(int size) {
        return string(size, 0xAB);
    }

    private Assembler string(int size, int opcode) {
        bytes(0xF3);
        prefixes(size, 0, 0);
        return bytes(size == 1 ? opcode - 1 : opcode);
    }

    /** {@code CLD}: strings go up. */
    public Assembler cld() {
        return bytes(0xFC);
    }

    /** {@code STD}: strings go down. */
    public Assembler std() {
        return bytes(0xFD);
    }

    // ------------------------------------------------------------------------------------------------- system

    /** {@code NOP}. */
    public Assembler nop() {
        return bytes(0x90);
    }

    /** {@code PAUSE}. */
    public Assembler pause() {
        return bytes(0xF3, 0x90);
    }

    /** {@code HLT}. */
    public Assembler hlt() {
        return bytes(0xF4);
    }

    /** {@code CLI}. */
    public Assembler cli() {
        return bytes(0xFA);
    }

    /** {@code STI}. */
    public Assembler sti() {
        return bytes(0xFB);
    }

    /** {@code CPUID}. */
    public Assembler cpuid() {
        return bytes(0x0F, 0xA2);
    }

    /** {@code RDMSR}. */
    public Assembler rdmsr() {
        return bytes(0x0F, 0x32);
    }

    /** {@code WRMSR}. */
    public Assembler wrmsr() {
        return bytes(0x0F, 0x30);
    }

    /** {@code UD2}. */
    public Assembler ud2() {
        return bytes(0x0F, 0x0B);
    }

    /** {@code INT3}. */
    public Assembler int3() {
        return bytes(0xCC);
    }

    /** {@code LIDT [memory]}. */
    public Assembler lidt(Memory memory) {
        return memory(near(), 0x0F01, 3, memory);
    }

    /** {@code LGDT [memory]}: with a 32-bit base in 16-bit code. */
    public Assembler lgdt(Memory memory) {
        return memory(4, 0x0F01, 2, memory);
    }

    /** {@code MOV register, CRn}. */
    public Assembler readControl(Register register, int number) {
        return bytes(0x0F, 0x20, 0xC0 | number << 3 | register.ordinal());
    }

    /** {@code MOV CRn, register}. */
    public Assembler writeControl(int number, Register register) {
        return bytes(0x0F, 0x22, 0xC0 | number << 3 | register.ordinal());
    }

    /** {@code MOV register, DRn}. */
    public Assembler readDebug(Register register, int number) {
        return bytes(0x0F, 0x21, 0xC0 | number << 3 | register.ordinal());
    }

    /** {@code MOV DRn, register}. */
    public Assembler writeDebug(int number, Register register) {
        return bytes(0x0F, 0x23, 0xC0 | number << 3 | register.ordinal());
    }

    /** Ends the guest's run: a byte to {@link Guest#END_PORT}. */
    public Assembler end() {
        return out(1, Guest.END_PORT);
    }
}
