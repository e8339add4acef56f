package dev.vz.emulator.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.x86.CpuFeature;
import dev.vz.emulator.TestProcessor;
import org.junit.jupiter.api.Test;

/** EFER.AutomaticIBRSEn (AMD64 Architecture Programmer's Manual volume 2, 3.1.7): there where CPUID says so. */
class AutomaticIbrsTest {

    private static final long CODE = 0x1000;
    /** MOV ECX, EFER; RDMSR; BTS EAX, 21; WRMSR; HLT. */
    private static final byte[] SET = {(byte) 0xB9, (byte) 0x80, 0, 0, (byte) 0xC0, 0x0F, 0x32, 0x0F, (byte) 0xBA,
        (byte) 0xE8, 21, 0x0F, 0x30, (byte) 0xF4};

    private static TestProcessor processor() {
        var processor = new TestProcessor(4 << 20).longMode(CODE, 0);
        for (int i = 0; i < SET.length; i++) {
            processor.memory.writeByte(CODE + i, SET[i]);
        }
        return processor;
    }

    @Test
    void theStandardProcessorAnnouncesItAndKeepsTheBit() {
        assertThat(CpuidTable.standard().has(CpuFeature.AUTOIBRS)).isTrue();
        try (TestProcessor processor = processor()) {
            long before = processor.cpu.efer;
            processor.runToHalt();
            assertThat(processor.cpu.efer).isEqualTo(before | 1L << 21);
        }
    }

    @Test
    void oneThatDoesNotAnnounceItHasNoSuchBit() {
        try (TestProcessor processor = processor()) {
            processor.cpu.setCpuid(CpuidTable.of(CpuidTable.standard().source().with(CpuFeature.AUTOIBRS, false)));
            long before = processor.cpu.efer;
            assertThat(processor.interpreter.run()).as("#GP, and no table to find its handler in")
                    .isEqualTo(Interpreter.Reason.SHUTDOWN);
            assertThat(processor.cpu.efer).isEqualTo(before);
        }
    }
}
