package dev.vz.kvm;

import dev.vz.cpu.x86.DebugRegisters;
import dev.vz.cpu.x86.DescriptorTable;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.Segment;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.kvm.generated.kvm_debugregs;
import dev.vz.kvm.generated.kvm_dtable;
import dev.vz.kvm.generated.kvm_regs;
import dev.vz.kvm.generated.kvm_segment;
import dev.vz.kvm.generated.kvm_sregs;
import java.lang.foreign.MemorySegment;

/** General, special and debug registers between KVM's structures and the house's records. */
final class RegisterCodec {

    private RegisterCodec() {}

    static GeneralRegisters readGeneral(MemorySegment s) {
        return new GeneralRegisters(kvm_regs.rax(s), kvm_regs.rbx(s), kvm_regs.rcx(s), kvm_regs.rdx(s),
                kvm_regs.rsi(s), kvm_regs.rdi(s), kvm_regs.rsp(s), kvm_regs.rbp(s), kvm_regs.r8(s), kvm_regs.r9(s),
                kvm_regs.r10(s), kvm_regs.r11(s), kvm_regs.r12(s), kvm_regs.r13(s), kvm_regs.r14(s), kvm_regs.r15(s),
                kvm_regs.rip(s), kvm_regs.rflags(s));
    }

    static void writeGeneral(MemorySegment s, GeneralRegisters r) {
        kvm_regs.rax(s, r.rax());
        kvm_regs.rbx(s, r.rbx());
        kvm_regs.rcx(s, r.rcx());
        kvm_regs.rdx(s, r.rdx());
        kvm_regs.rsi(s, r.rsi());
        kvm_regs.rdi(s, r.rdi());
        kvm_regs.rsp(s, r.rsp());
        kvm_regs.rbp(s, r.rbp());
        kvm_regs.r8(s, r.r8());
        kvm_regs.r9(s, r.r9());
        kvm_regs.r10(s, r.r10());
        kvm_regs.r11(s, r.r11());
        kvm_regs.r12(s, r.r12());
        kvm_regs.r13(s, r.r13());
        kvm_regs.r14(s, r.r14());
        kvm_regs.r15(s, r.r15());
        kvm_regs.rip(s, r.rip());
        kvm_regs.rflags(s, r.rflags());
    }

    /**
     * Reads {@code kvm_sregs}; or {@code kvm_sregs2}, which is the same up to the interrupt bitmap that it does not have.
     */
    static SpecialRegisters readSpecial(MemorySegment s, boolean bitmap) {
        return new SpecialRegisters(readSegment(kvm_sregs.cs(s)), readSegment(kvm_sregs.ds(s)),
                readSegment(kvm_sregs.es(s)), readSegment(kvm_sregs.fs(s)), readSegment(kvm_sregs.gs(s)),
                readSegment(kvm_sregs.ss(s)), readSegment(kvm_sregs.tr(s)), readSegment(kvm_sregs.ldt(s)),
                readTable(kvm_sregs.gdt(s)), readTable(kvm_sregs.idt(s)), kvm_sregs.cr0(s), kvm_sregs.cr2(s),
                kvm_sregs.cr3(s), kvm_sregs.cr4(s), kvm_sregs.cr8(s), kvm_sregs.efer(s), kvm_sregs.apic_base(s),
                bitmap ? readPending(s) : -1);
    }

    static void writeSpecial(MemorySegment s, SpecialRegisters r) {
        writeSegment(kvm_sregs.cs(s), r.cs());
        writeSegment(kvm_sregs.ds(s), r.ds());
        writeSegment(kvm_sregs.es(s), r.es());
        writeSegment(kvm_sregs.fs(s), r.fs());
        writeSegment(kvm_sregs.gs(s), r.gs());
        writeSegment(kvm_sregs.ss(s), r.ss());
        writeSegment(kvm_sregs.tr(s), r.tr());
        writeSegment(kvm_sregs.ldt(s), r.ldt());
        writeTable(kvm_sregs.gdt(s), r.gdt());
        writeTable(kvm_sregs.idt(s), r.idt());
        kvm_sregs.cr0(s, r.cr0());
        kvm_sregs.cr2(s, r.cr2());
        kvm_sregs.cr3(s, r.cr3());
        kvm_sregs.cr4(s, r.cr4());
        kvm_sregs.cr8(s, r.cr8());
        kvm_sregs.efer(s, r.efer());
        kvm_sregs.apic_base(s, r.apicBase());
        kvm_sregs.interrupt_bitmap(s).fill((byte) 0);
        if (r.pendingInterrupt() >= 0) {
            int word = r.pendingInterrupt() >>> 6;
            kvm_sregs.interrupt_bitmap(s, word, 1L << r.pendingInterrupt());
        }
    }

    /** The first vector whose bit is set; the kernel sets one at most. */
    private static int readPending(MemorySegment s) {
        for (int word = 0; word < 4; word++) {
            long bits = kvm_sregs.interrupt_bitmap(s, word);
            if (bits != 0) {
                return 64 * word + Long.numberOfTrailingZeros(bits);
            }
        }
        return -1;
    }

    private static Segment readSegment(MemorySegment s) {
        return new Segment(kvm_segment.base(s), kvm_segment.limit(s), kvm_segment.selector(s) & 0xFFFF,
                kvm_segment.type(s), kvm_segment.present(s) != 0, kvm_segment.dpl(s), kvm_segment.db(s) != 0,
                kvm_segment.s(s) == 0, kvm_segment.l(s) != 0, kvm_segment.g(s) != 0, kvm_segment.avl(s) != 0,
                kvm_segment.unusable(s) != 0);
    }

    private static void writeSegment(MemorySegment s, Segment r) {
        kvm_segment.base(s, r.base());
        kvm_segment.limit(s, r.limit());
        kvm_segment.selector(s, (short) r.selector());
        kvm_segment.type(s, (byte) r.type());
        kvm_segment.present(s, bit(r.present()));
        kvm_segment.dpl(s, (byte) r.dpl());
        kvm_segment.db(s, bit(r.defaultBig()));
        kvm_segment.s(s, bit(!r.system()));
        kvm_segment.l(s, bit(r.longMode()));
        kvm_segment.g(s, bit(r.granularity()));
        kvm_segment.avl(s, bit(r.available()));
        kvm_segment.unusable(s, bit(r.unusable()));
    }

    private static DescriptorTable readTable(MemorySegment s) {
        return new DescriptorTable(kvm_dtable.base(s), kvm_dtable.limit(s) & 0xFFFF);
    }

    private static void writeTable(MemorySegment s, DescriptorTable r) {
        kvm_dtable.base(s, r.base());
        kvm_dtable.limit(s, (short) r.limit());
    }

    static DebugRegisters readDebug(MemorySegment s) {
        return new DebugRegisters(kvm_debugregs.db(s, 0), kvm_debugregs.db(s, 1), kvm_debugregs.db(s, 2),
                kvm_debugregs.db(s, 3), kvm_debugregs.dr6(s), kvm_debugregs.dr7(s));
    }

    static void writeDebug(MemorySegment s, DebugRegisters r) {
        kvm_debugregs.db(s, 0, r.dr0());
        kvm_debugregs.db(s, 1, r.dr1());
        kvm_debugregs.db(s, 2, r.dr2());
        kvm_debugregs.db(s, 3, r.dr3());
        kvm_debugregs.dr6(s, r.dr6());
        kvm_debugregs.dr7(s, r.dr7());
    }

    private static byte bit(boolean value) {
        return (byte) (value ? 1 : 0);
    }
}
