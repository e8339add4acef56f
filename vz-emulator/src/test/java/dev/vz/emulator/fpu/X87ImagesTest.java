package dev.vz.emulator.fpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.emulator.hostcpu.Comparison;
import dev.vz.emulator.hostcpu.HostCpu;
import dev.vz.emulator.hostcpu.MachineCase;
import dev.vz.emulator.hostcpu.X87Operands;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Images in memory: those of 64-bit mode against the host's, those of real mode against the SDM's figures. */
class X87ImagesTest {

    private static final int CASES = 20_000;

    private static HostCpu host;

    @BeforeAll
    static void start() {
        host = HostCpu.start();
    }

    @AfterAll
    static void stop() {
        if (host != null) {
            host.close();
        }
    }

    @Test
    void environmentsWith32BitOperandsAgree() {
        // FLDENV [rdi]; FNSTENV [rdi+32]
        compare("environment 32", "d927d97720", 32 + 12, c -> environment(c, true));
    }

    @Test
    void environmentsWith16BitOperandsAgree() {
        compare("environment 16", "66d92766d97720", 32 + 6, c -> environment(c, false));
    }

    @Test
    void statesWith32BitOperandsAgree() {
        // FRSTOR [rdi]; FNSAVE [rdi]
        compare("state 32", "dd27dd37", 12, c -> state(c, true));
    }

    @Test
    void statesWith16BitOperandsAgree() {
        compare("state 16", "66dd2766dd37", 6, c -> state(c, false));
    }

    /**
     * Loads random images and stores them again. A host that is interrupted in between may forget the pointers and
     * selectors, as its kernel does not keep them: that is let pass if it stays rare.
     */
    private static void compare(String name, String code, int pointers, Consumer<MachineCase> model) {
        var comparison = new Comparison(host);
        int[] forgotten = new int[1];
        comparison.compare(name, HexFormat.of().parseHex(code), CASES, (c, random) -> {
            X87Operands.masked(c, random);
            for (int i = 0; i < c.memory.length; i++) {
                c.memory[i] = random.nextLong();
            }
        }, model, (mine, theirs) -> {
            byte[] bytes = bytes(mine);
            byte[] merged = bytes(theirs);
            System.arraycopy(bytes, pointers, merged, pointers, 16);
            put(merged, theirs);
            forgotten[0]++;
            return mine.difference(theirs).isEmpty();
        }, MachineCase::describeX87);
        assertThat(comparison.differences()).isEmpty();
        assertThat(forgotten[0]).isLessThan(CASES / 50);
    }

    private static void put(byte[] bytes, MachineCase c) {
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(c.memory);
    }

    private static byte[] bytes(MachineCase c) {
        ByteBuffer buffer = ByteBuffer.allocate(128).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asLongBuffer().put(c.memory);
        return buffer.array();
    }

    private static void environment(MachineCase c, boolean operand32) {
        byte[] bytes = bytes(c);
        X87Images.fldenv(c.fpu, bytes, operand32, false);
        byte[] stored = Arrays.copyOfRange(bytes, 32, 96);
        X87Images.fnstenv(c.fpu, stored, operand32, false);
        System.arraycopy(stored, 0, bytes, 32, stored.length);
        put(bytes, c);
    }

    private static void state(MachineCase c, boolean operand32) {
        byte[] bytes = bytes(c);
        X87Images.frstor(c.fpu, bytes, operand32, false);
        X87Images.fnsave(c.fpu, bytes, operand32, false);
        put(bytes, c);
    }

    @Test
    void fxrstorTakesAnyImageAsTheHostDoes() {
        var random = new SplittableRandom(Long.getLong("vz.seed", System.nanoTime()));
        byte[] before = new byte[HostCpu.CASES * MachineCase.LENGTH];
        random.nextBytes(before);
        for (int i = 0; i < HostCpu.CASES; i++) {
            int offset = i * MachineCase.LENGTH;
            before[offset + 26] = 0;
            before[offset + 27] = 0;
            // The flags register of the record: nothing but arithmetic flags.
            Arrays.fill(before, offset + 672, offset + 680, (byte) 0);
            before[offset + 672] = 2;
        }
        byte[] after = before.clone();
        host.execute(new byte[] {(byte) 0x90}, after, HostCpu.CASES);
        var state = new FpuState();
        byte[] image = new byte[512];
        for (int i = 0; i < HostCpu.CASES; i++) {
            int offset = i * MachineCase.LENGTH;
            System.arraycopy(before, offset, image, 0, 512);
            assertThat(X87Images.fxrstor(state, image, true, true)).isTrue();
            X87Images.fxsave(state, image, true, true);
            // The pointers to instruction and operand are not kept by every processor; MXCSR_MASK is the model's own.
            assertThat(Arrays.copyOfRange(image, 0, 6)).isEqualTo(Arrays.copyOfRange(after, offset, offset + 6));
            assertThat(Arrays.copyOfRange(image, 24, 28))
                    .isEqualTo(Arrays.copyOfRange(after, offset + 24, offset + 28));
            assertThat(Arrays.copyOfRange(image, 32, 416))
                    .isEqualTo(Arrays.copyOfRange(after, offset + 32, offset + 416));
        }
    }

    @Test
    void fxrstorRefusesReservedBitsOfMxcsr() {
        var state = new FpuState();
        state.xmm[3] = 5;
        byte[] image = new byte[512];
        X87Images.fxsave(state, image, false, true);
        image[26] = 1;
        image[32] = 7;
        assertThat(X87Images.fxrstor(state, image, false, true)).isFalse();
        assertThat(state.significand[0]).isZero();
        assertThat(X87Images.ldmxcsr(state, 0x1_0000)).isFalse();
        assertThat(state.mxcsr).isEqualTo(FpuState.INITIAL_MXCSR);
        assertThat(X87Images.ldmxcsr(state, 0xFFC0)).isTrue();
        assertThat(state.mxcsr).isEqualTo(0xFFC0);
    }

    @Test
    void fxsaveOutside64BitModeLeavesTheUpperRegistersAlone() {
        var state = new FpuState();
        state.xmm[16] = 1;
        state.fip = 0x1122_3344_5566_7788L;
        state.fcs = 0x99AA;
        byte[] image = new byte[512];
        assertThat(X87Images.fxsave(state, image, false, false)).isEqualTo(288);
        assertThat(Arrays.copyOfRange(image, 288, 512)).containsOnly(0);
        assertThat(HexFormat.of().formatHex(image, 8, 16)).isEqualTo("88776655aa990000");
        assertThat(X87Images.fxsave(state, image, true, true)).isEqualTo(416);
        assertThat(HexFormat.of().formatHex(image, 8, 16)).isEqualTo("8877665544332211");
        assertThat(image[288]).isEqualTo((byte) 1);
    }

    @Test
    void fxrstorWithoutRexTakesSelectors() {
        var saved = new FpuState();
        saved.fip = 0x8899_AABBL;
        saved.fcs = 0x33;
        saved.fdp = 0xCCDD_EEFFL;
        saved.fds = 0x2B;
        saved.xmm[15] = 7;
        saved.xmm[16] = 9;
        byte[] image = new byte[512];
        X87Images.fxsave(saved, image, false, true);
        var loaded = new FpuState();
        assertThat(X87Images.fxrstor(loaded, image, false, false)).isTrue();
        assertThat(loaded).extracting("fip", "fcs", "fdp", "fds").containsExactly(0x8899_AABBL, 0x33, 0xCCDD_EEFFL,
                0x2B);
        assertThat(loaded.xmm[15]).isEqualTo(7);
        assertThat(loaded.xmm[16]).isZero();
    }

    /** SDM volume 1, figure 8-10: linear pointers, split in 16 and 16 bits. */
    @Test
    void realModeEnvironmentWith32BitOperandsHoldsLinearPointers() {
        FpuState state = realMode();
        byte[] image = new byte[28];
        assertThat(X87Images.fnstenv(state, image, true, true)).isEqualTo(28);
        assertThat(HexFormat.ofDelimiter(" ").formatHex(image)).isEqualTo("7f 03 ff ff 00 00 ff ff ff ff ff ff "
                + "45 23 ff ff 23 11 00 00 fe cd ff ff 00 a0 00 00");
        var loaded = new FpuState();
        X87Images.fldenv(loaded, image, true, true);
        assertThat(loaded.fip).isEqualTo(0x12345);
        assertThat(loaded.fdp).isEqualTo(0xACDFE);
        assertThat(loaded.fop).isEqualTo(0x123);
    }

    /** SDM volume 1, figure 8-12: linear pointers of 20 bits. */
    @Test
    void realModeEnvironmentWith16BitOperandsHoldsLinearPointers() {
        FpuState state = realMode();
        byte[] image = new byte[14];
        assertThat(X87Images.fnstenv(state, image, false, true)).isEqualTo(14);
        assertThat(HexFormat.ofDelimiter(" ").formatHex(image))
                .isEqualTo("7f 03 00 00 ff ff 45 23 23 11 fe cd 00 a0");
        var loaded = new FpuState();
        X87Images.fldenv(loaded, image, false, true);
        assertThat(loaded.fip).isEqualTo(0x12345);
        assertThat(loaded.fdp).isEqualTo(0xACDFE);
        assertThat(loaded.fop).isEqualTo(0x123);
    }

    private static FpuState realMode() {
        var state = new FpuState();
        state.recordInstruction(0xD9, 0x23, 0x1000, 0x2345);
        state.recordOperand(0xA000, 0xCDFE);
        return state;
    }
}
