package dev.vz.conformance;

import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BP;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static dev.vz.conformance.Register.DI;
import static dev.vz.conformance.Register.DX;
import static dev.vz.conformance.Register.R12;
import static dev.vz.conformance.Register.R9;
import static dev.vz.conformance.Register.SI;
import static dev.vz.conformance.Register.SP;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.testing.Peers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the assembler writes, objdump reads back. */
class AssemblerTest {

    @TempDir
    Path folder;

    private final List<String> expected = new ArrayList<>();

    private void check(int bits, Assembler code) throws Exception {
        Path objdump = Peers.program("objdump", "binutils");
        Path file = Files.write(folder.resolve("code" + bits), code.assemble());
        String machine = bits == 64 ? "i386:x86-64" : bits == 32 ? "i386" : "i8086";
        Process process = new ProcessBuilder(objdump.toString(), "-D", "-b", "binary", "-m", machine, "-M", "intel",
                "--no-show-raw-insn", file.toString()).redirectErrorStream(true).start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(text).isZero();
        List<String> read = text.lines().filter(line -> line.matches("\\s+[0-9a-f]+:\\s.*"))
                .map(line -> line.substring(line.indexOf(':') + 1).replaceAll("\\s+", " ").strip()).toList();
        assertThat(read).containsExactlyElementsOf(expected);
    }

    private void add(Assembler code, Consumer<Assembler> instruction, String text) {
        instruction.accept(code);
        expected.add(text);
    }

    @Test
    void writes64BitCode() throws Exception {
        var a = new Assembler(64, 0);
        add(a, c -> c.mov(8, AX, 0x1122_3344_5566_7788L), "movabs rax,0x1122334455667788");
        add(a, c -> c.mov(8, R9, -2), "mov r9,0xfffffffffffffffe");
        add(a, c -> c.mov(4, BX, 0xD000_0000L), "mov ebx,0xd0000000");
        add(a, c -> c.mov(2, CX, 7), "mov cx,0x7");
        add(a, c -> c.mov(1, SI, 7), "mov sil,0x7");
        add(a, c -> c.mov(1, DX, 7), "mov dl,0x7");
        add(a, c -> c.mov(8, SP, R12), "mov rsp,r12");
        add(a, c -> c.load(8, AX, at(R12, 8)), "mov rax,QWORD PTR [r12+0x8]");
        add(a, c -> c.load(1, DI, at(SP)), "mov dil,BYTE PTR [rsp+0x0]");
        add(a, c -> c.load(4, R9, at(0x600)), "mov r9d,DWORD PTR ds:0x600");
        add(a, c -> c.store(2, at(BX, -2), DX), "mov WORD PTR [rbx-0x2],dx");
        add(a, c -> c.store(8, at(0x600), -1), "mov QWORD PTR ds:0x600,0xffffffffffffffff");
        add(a, c -> c.store(1, at(BP), 0x80), "mov BYTE PTR [rbp+0x0],0x80");
        add(a, c -> c.loadZeroExtended(1, CX, at(BX)), "movzx ecx,BYTE PTR [rbx+0x0]");
        add(a, c -> c.loadZeroExtended(2, CX, at(BX)), "movzx ecx,WORD PTR [rbx+0x0]");
        add(a, c -> c.exchange(4, at(BX), AX), "xchg DWORD PTR [rbx+0x0],eax");
        add(a, c -> c.lockExchangeAdd(8, at(BX), AX), "lock xadd QWORD PTR [rbx+0x0],rax");
        add(a, c -> c.lockCompareExchange(4, at(BX), CX), "lock cmpxchg DWORD PTR [rbx+0x0],ecx");
        add(a, c -> c.lockIncrement(4, at(0x600)), "lock inc DWORD PTR ds:0x600");
        add(a, c -> c.push(R9), "push r9");
        add(a, c -> c.pop(AX), "pop rax");
        add(a, c -> c.push(-1), "push 0xffffffffffffffff");
        add(a, c -> c.push(0x1234), "push 0x1234");
        add(a, Assembler::pushFlags, "pushf");
        add(a, Assembler::popFlags, "popf");
        add(a, c -> c.mov(SegmentRegister.DS, AX), "mov ds,eax");
        add(a, c -> c.mov(AX, SegmentRegister.CS), "mov ax,cs");
        add(a, c -> c.alu(Alu.XOR, 8, CX, R9), "xor rcx,r9");
        add(a, c -> c.alu(Alu.CMP, 1, AX, DX), "cmp al,dl");
        add(a, c -> c.alu(Alu.SUB, 1, BX, 5), "sub bl,0x5");
        add(a, c -> c.alu(Alu.ADD, 8, SP, 8), "add rsp,0x8");
        add(a, c -> c.alu(Alu.ADD, 8, at(SP), 2), "add QWORD PTR [rsp+0x0],0x2");
        add(a, c -> c.inc(4, AX), "inc eax");
        add(a, c -> c.dec(8, R9), "dec r9");
        add(a, c -> c.inc(1, at(BX)), "inc BYTE PTR [rbx+0x0]");
        add(a, c -> c.div(4, CX), "div ecx");
        add(a, c -> c.mul(8, CX), "mul rcx");
        add(a, c -> c.shl(8, DX, 32), "shl rdx,0x20");
        add(a, c -> c.shr(4, DX, 1), "shr edx,0x1");
        add(a, c -> c.jmp(AX), "jmp rax");
        add(a, c -> c.call("f"), "call 0x" + "TARGET");
        add(a, c -> c.jump(Condition.NE, "f"), "jne 0x" + "TARGET");
        add(a, c -> c.jmp("f"), "jmp 0x" + "TARGET");
        a.label("f");
        expected.replaceAll(t -> t.replace("TARGET", Long.toHexString(a.address("f"))));
        add(a, Assembler::ret, "ret");
        add(a, Assembler::iret, "iretq");
        add(a, c -> c.interrupt(0x80), "int 0x80");
        add(a, c -> c.in(1, 0x60), "in al,0x60");
        add(a, c -> c.in(4, 0x60), "in eax,0x60");
        add(a, c -> c.out(2, 0x60), "out 0x60,ax");
        add(a, c -> c.inDx(2), "in ax,dx");
        add(a, c -> c.outDx(4), "out dx,eax");
        add(a, c -> c.repIns(1), "rep ins BYTE PTR es:[rdi],dx");
        add(a, c -> c.repOuts(4), "rep outs dx,DWORD PTR ds:[rsi]");
        add(a, c -> c.repMovs(8), "rep movs QWORD PTR es:[rdi],QWORD PTR ds:[rsi]");
        add(a, c -> c.repStos(2), "rep stos WORD PTR es:[rdi],ax");
        add(a, Assembler::cld, "cld");
        add(a, Assembler::std, "std");
        add(a, Assembler::nop, "nop");
        add(a, Assembler::pause, "pause");
        add(a, Assembler::hlt, "hlt");
        add(a, Assembler::cli, "cli");
        add(a, Assembler::sti, "sti");
        add(a, Assembler::cpuid, "cpuid");
        add(a, Assembler::rdmsr, "rdmsr");
        add(a, Assembler::wrmsr, "wrmsr");
        add(a, Assembler::ud2, "ud2");
        add(a, Assembler::int3, "int3");
        add(a, c -> c.lidt(at(BX)), "lidt [rbx+0x0]");
        add(a, c -> c.lgdt(at(0x600)), "lgdt ds:0x600");
        add(a, c -> c.readControl(AX, 2), "mov rax,cr2");
        add(a, c -> c.writeControl(3, BX), "mov cr3,rbx");
        add(a, c -> c.readDebug(AX, 6), "mov rax,dr6");
        add(a, c -> c.writeDebug(7, BX), "mov dr7,rbx");
        add(a, Assembler::end, "out 0xf4,al");
        check(64, a);
    }

    @Test
    void writes32BitCode() throws Exception {
        var a = new Assembler(32, 0);
        add(a, c -> c.mov(4, BX, 0xD000_0000L), "mov ebx,0xd0000000");
        add(a, c -> c.mov(2, BX, 0x1234), "mov bx,0x1234");
        add(a, c -> c.load(4, AX, at(SP, 4)), "mov eax,DWORD PTR [esp+0x4]");
        add(a, c -> c.store(2, at(0x600), AX), "mov WORD PTR ds:0x600,ax");
        add(a, c -> c.div(1, CX), "div cl");
        add(a, c -> c.alu(Alu.SUB, 1, CX, 1), "sub cl,0x1");
        add(a, c -> c.push(BX), "push ebx");
        add(a, c -> c.push(0x80), "push 0x80");
        add(a, c -> c.repIns(2), "rep ins WORD PTR es:[edi],dx");
        add(a, c -> c.out(4, 0x10), "out 0x10,eax");
        add(a, c -> c.farJump(8, 0x12345), "jmp 0x8:0x12345");
        add(a, c -> c.lidt(at(0x700)), "lidtd ds:0x700");
        add(a, c -> c.mov(SegmentRegister.SS, AX), "mov ss,eax");
        add(a, c -> c.jmp(AX), "jmp eax");
        add(a, Assembler::iret, "iret");
        add(a, c -> c.mov(AX, "end"), "mov eax,0x" + "TARGET");
        a.label("end");
        expected.replaceAll(t -> t.replace("TARGET", Long.toHexString(a.address("end"))));
        check(32, a);
    }

    @Test
    void writes16BitCode() throws Exception {
        var a = new Assembler(16, 0);
        add(a, c -> c.mov(2, AX, 0x1234), "mov ax,0x1234");
        add(a, c -> c.mov(4, AX, 0x12345678), "mov eax,0x12345678");
        add(a, c -> c.load(2, AX, at(BX, 4)), "mov ax,WORD PTR [bx+0x4]");
        add(a, c -> c.load(1, AX, at(SI)), "mov al,BYTE PTR [si+0x0]");
        add(a, c -> c.store(4, at(DI), CX), "mov DWORD PTR [di+0x0],ecx");
        add(a, c -> c.store(2, at(0x600), 7), "mov WORD PTR ds:0x600,0x7");
        add(a, c -> c.store(2, at(BP), AX), "mov WORD PTR [bp+0x0],ax");
        add(a, c -> c.push(0x1234), "push 0x1234");
        add(a, c -> c.mov(SegmentRegister.ES, AX), "mov es,ax");
        add(a, c -> c.outDx(4), "out dx,eax");
        add(a, c -> c.repOuts(2), "rep outs dx,WORD PTR ds:[si]");
        add(a, c -> c.lgdt(at(0x600)), "lgdtd ds:0x600");
        add(a, c -> c.lidt(at(0x600)), "lidtw ds:0x600");
        add(a, c -> c.farJump(8, 0x20010), "jmp 0x8:0x20010");
        add(a, c -> c.jump(Condition.B, "here"), "jb 0x" + "TARGET");
        a.label("here");
        expected.replaceAll(t -> t.replace("TARGET", Long.toHexString(a.address("here"))));
        add(a, Assembler::iret, "iret");
        check(16, a);
    }

    @Test
    void refusesWhatACodeSizeCannotExpress() {
        assertThatThrownBy(() -> new Assembler(32, 0).mov(8, AX, AX)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new Assembler(32, 0).mov(4, R9, AX)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new Assembler(16, 0).load(2, AX, at(CX))).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new Assembler(64, 0).jmp("nowhere").assemble())
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("nowhere");
        assertThatThrownBy(() -> new Assembler(64, 0).label("a").label("a")).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new Assembler(64, 0).padTo(4).padTo(3)).isInstanceOf(ConfigurationException.class);
        assertThat(new Assembler(32, 0x1000).padTo(16).label("x").data(4, "x").assemble()).endsWith(0x10, 0x10, 0, 0);
    }
}
