package dev.vz.conformance;

import static dev.vz.conformance.GuestLayout.DATA;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static dev.vz.conformance.Register.CX;
import static dev.vz.conformance.Register.DX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.x86.CpuFeature;
import dev.vz.cpu.x86.XsaveArea;
import dev.vz.hypervisor.Capability;
import org.junit.jupiter.api.Test;

/** The x87 and vector registers of the guest are those of the XSAVE image, and the other way round. */
interface VectorChapter extends Chapter {

    /** {@code area} with 8 bytes of {@code value} at {@code offset}, and {@code component} marked as in use. */
    private static XsaveArea with(XsaveArea area, int offset, long value, int component) {
        byte[] image = area.toByteArray();
        for (int i = 0; i < 8; i++) {
            image[offset + i] = (byte) (value >>> 8 * i);
        }
        image[XsaveArea.XSTATE_BV] |= (byte) (1 << component);
        return XsaveArea.of(image);
    }

    @Test
    default void startsWithAnInitializedFpu() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            XsaveArea area = guest.vcpu().xsave();
            assertThat(area.fcw()).isIn(0x37F, 0x40); // after FNINIT, or after power-on (Intel SDM 3A, table 9-1)
            assertThat(area.mxcsr()).isEqualTo(0x1F80);
            assertThat(area.xmmLow(0)).isZero();
        }
    }

    @Test
    default void returnsTheImageThatWasSet() {
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            XsaveArea area = guest.vcpu().xsave();
            for (int i = 0; i < 16; i++) {
                area = with(with(area, 160 + 16 * i, 0x1111_0000_0000_0001L * i, 1), 168 + 16 * i, ~(long) i, 1);
            }
            area = with(area, 32, 0x8000_0000_0000_0000L, 0); // ST0 = 1.0: significand and exponent
            area = with(area, 40, 0x3FFF, 0);
            area = with(area, 0, 0x01_0000_027FL | 1L << 32, 0); // FCW 0x27F, one register in use
            guest.vcpu().setXsave(area);
            XsaveArea read = guest.vcpu().xsave();
            for (int i = 0; i < 16; i++) {
                assertThat(read.xmmLow(i)).as("XMM%d", i).isEqualTo(0x1111_0000_0000_0001L * i);
                assertThat(read.xmmHigh(i)).isEqualTo(~(long) i);
            }
            assertThat(read.fcw()).isEqualTo(0x27F);
            assertThat(read.stSignificand(0)).isEqualTo(0x8000_0000_0000_0000L);
            assertThat(read.stSignExponent(0)).isEqualTo(0x3FFF);
            assertThat(read.ftw()).isEqualTo(1);
            assertThat(read.xstateBv() & 3).isEqualTo(3);
        }
    }

    @Test
    default void showsTheGuestTheRegistersThatWereSet() {
        // MOVUPS works even where the privileged code is emulated instruction by instruction.
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, BX, DATA)
                .raw("movups [rbx], xmm3", 0x0F, 0x11, 0x1B).raw("movups xmm5, [rbx+16]", 0x0F, 0x10, 0x6B, 0x10).end())
                .build()) {
            guest.vcpu()
                    .setXsave(with(with(guest.vcpu().xsave(), 160 + 48, 0x0123_4567_89AB_CDEFL, 1), 168 + 48, -2L, 1));
            guest.memory().writeLong(DATA + 16, 0x5555_AAAA_5555_AAAAL);
            guest.memory().writeLong(DATA + 24, 77);
            guest.runToEnd();
            assertThat(guest.memory().readLong(DATA)).isEqualTo(0x0123_4567_89AB_CDEFL);
            assertThat(guest.memory().readLong(DATA + 8)).isEqualTo(-2L);
            assertThat(guest.vcpu().xsave().xmmLow(5)).isEqualTo(0x5555_AAAA_5555_AAAAL);
            assertThat(guest.vcpu().xsave().xmmHigh(5)).isEqualTo(77);
            assertThat(guest.vcpu().xsave().xmmLow(3)).isEqualTo(0x0123_4567_89AB_CDEFL);
        }
    }

    @Test
    default void computesWithSseAtPrivilegeLevelThree() {
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.mov(4, AX, 1000).raw("cvtsi2sd xmm0, eax", 0xF2, 0x0F,
                0x2A, 0xC0).raw("sqrtsd xmm1, xmm0", 0xF2, 0x0F, 0x51, 0xC8).mov(4, BX, DATA)
                .raw("movsd [rbx], xmm1", 0xF2, 0x0F, 0x11, 0x0B).end()).build()) {
            guest.runToEnd();
            assertThat(Double.longBitsToDouble(guest.memory().readLong(DATA))).isEqualTo(Math.sqrt(1000));
            assertThat(guest.vcpu().xsave().xmmLow(1)).isEqualTo(Double.doubleToRawLongBits(Math.sqrt(1000)));
        }
    }

    @Test
    default void computesWithTheX87AtPrivilegeLevelThree() {
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.mov(4, BX, DATA).raw("fninit", 0xDB, 0xE3)
                .raw("fldpi", 0xD9, 0xEB).raw("fld1", 0xD9, 0xE8).raw("faddp", 0xDE, 0xC1)
                .raw("fst qword [rbx]", 0xDD, 0x13).end()).build()) {
            guest.runToEnd();
            assertThat(Double.longBitsToDouble(guest.memory().readLong(DATA))).isEqualTo(Math.PI + 1);
            XsaveArea area = guest.vcpu().xsave();
            assertThat(area.fcw()).isEqualTo(0x37F);
            assertThat(Integer.bitCount(area.ftw())).as("one register in use").isEqualTo(1);
            assertThat(area.stSignExponent(0)).isEqualTo(0x4001);
        }
    }

    @Test
    default void keepsTheVectorsOfTwoProcessorsApart() {
        requires(Capability.SMP);
        try (Guest guest = guest(GuestMode.USER64).vcpus(2)
                .code(a -> a.raw("movq xmm7, rax", 0x66, 0x48, 0x0F, 0x6E, 0xF8)
                        .out(1, 0x10).raw("movq rdx, xmm7", 0x66, 0x48, 0x0F, 0x7E, 0xFA).end())
                .build()) {
            guest.start(1, GuestLayout.CODE);
            for (int id = 0; id < 2; id++) {
                guest.vcpu(id).setRegisters(guest.vcpu(id).registers().withRax(0x1000 + id));
                guest.vcpu(id).run();
            }
            for (int id = 0; id < 2; id++) {
                guest.runToEnd(id);
                assertThat(guest.vcpu(id).registers().rdx()).isEqualTo(0x1000 + id);
            }
        }
    }

    @Test
    default void enablesAndUsesAvx() {
        try (Guest guest = guest(GuestMode.USER64).code(a -> a.mov(4, BX, DATA)
                .raw("vmovdqu ymm2, [rbx]", 0xC5, 0xFE, 0x6F, 0x13)
                .raw("vpaddd ymm2, ymm2, ymm2", 0xC5, 0xED, 0xFE, 0xD2)
                .raw("vmovdqu [rbx+32], ymm2", 0xC5, 0xFE, 0x7F, 0x53, 0x20).end()).build()) {
            if (!guest.vcpu().supportedCpuid().has(CpuFeature.AVX2)
                    || !guest.vcpu().supportedCpuid().has(CpuFeature.XSAVE)) {
                throw new org.opentest4j.TestAbortedException(hypervisor().name() + " supports no AVX2");
            }
            guest.vcpu().setSpecialRegisters(guest.vcpu().specialRegisters()
                    .withCr4(guest.vcpu().specialRegisters().cr4() | dev.vz.cpu.x86.SpecialRegisters.CR4_OSXSAVE));
            guest.vcpu().setXcr0(7);
            assertThat(guest.vcpu().xcr0()).isEqualTo(7);
            for (int i = 0; i < 8; i++) {
                guest.memory().writeInt(DATA + 4 * i, 100 + i);
            }
            guest.runToEnd();
            for (int i = 0; i < 8; i++) {
                assertThat(guest.memory().readInt(DATA + 32 + 4 * i)).isEqualTo(2 * (100 + i));
            }
            XsaveArea area = guest.vcpu().xsave();
            assertThat(area.xmmLow(2)).isEqualTo(202L << 32 | 200);
            assertThat(area.xstateBv() & 4).as("AVX state is in the image").isNotZero();
        }
    }

    @Test
    default void countsRegistersInAndOutThroughItsOwnImage() {
        // FXSAVE in the guest and the image that the caller reads are the same 512 bytes.
        requires(Capability.FULL_SYSTEM);
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, BX, DATA).mov(4, AX, 0x42)
                .raw("movd xmm4, eax", 0x66, 0x0F, 0x6E, 0xE0).raw("fxsave [rbx]", 0x0F, 0xAE, 0x03).mov(4, CX, 0)
                .mov(4, DX, 0).end()).build()) {
            guest.runToEnd();
            byte[] image = guest.vcpu().xsave().toByteArray();
            byte[] saved = guest.memory().read(DATA, 416);
            assertThat(java.util.Arrays.copyOfRange(saved, 160, 416)).isEqualTo(java.util.Arrays.copyOfRange(image, 160,
                    416));
            assertThat(guest.memory().readInt(DATA + 160 + 64)).isEqualTo(0x42);
        }
    }
}
