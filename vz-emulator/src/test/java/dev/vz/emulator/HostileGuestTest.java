package dev.vz.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Interpreter;
import dev.vz.emulator.cpu.Modes;
import dev.vz.emulator.cpu.Segments;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Whatever bytes are executed in whatever state, the processor makes of them instructions, exceptions or a shutdown: never
 * a Java exception, never an access outside the guest's memory.
 */
class HostileGuestTest {

    private static final int GUESTS = Integer.getInteger("vz.hostile.guests", 400);
    private static final int STEPS = 300;
    private static final int SIZE = 4 << 20;

    private static final ScheduledExecutorService KICKER = Executors
            .newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().factory());

    private enum Mode {
        REAL, PROTECTED, VIRTUAL, PAE, COMPATIBILITY, LONG, LONG_USER
    }

    @Test
    void randomBytesInRandomStatesAreInstructionsExceptionsOrAShutdown() {
        long seed = Long.getLong("vz.seed", System.nanoTime());
        var random = new Random(seed);
        long executed = 0;
        for (int guest = 0; guest < GUESTS; guest++) {
            long guestSeed = random.nextLong();
            var mode = Mode.values()[guest % Mode.values().length];
            try (var processor = new TestProcessor(SIZE)) {
                executed += run(processor, mode, new Random(guestSeed));
            } catch (RuntimeException | Error e) {
                fail("seed " + seed + ", guest " + guest + " in " + mode, e);
            }
        }
        assertThat(executed).as("instructions executed").isGreaterThan(GUESTS * 5L);
    }

    private static long run(TestProcessor p, Mode mode, Random random) {
        byte[] memory = new byte[SIZE];
        random.nextBytes(memory);
        if (random.nextBoolean()) {
            sprinkle(memory, random);
        }
        p.memory.write(0, memory);
        enter(p, mode, random);
        Cpu c = p.cpu;
        for (int i = 0; i < 16; i++) {
            c.gpr[i] = switch (random.nextInt(3)) {
                case 0 -> random.nextInt(SIZE);
                case 1 -> random.nextInt(256);
                default -> random.nextLong();
            };
        }
        Flags.setArithmetic(c, random.nextInt());
        c.flags |= random.nextInt() & (Flags.IF | Flags.DF | Flags.IOPL | Flags.NT | Flags.AC | Flags.ID);
        for (int i = 0; i < 32; i++) {
            c.fpu.xmm[i] = random.nextLong();
        }
        c.debug.changed();
        Modes.control(c);
        boolean stepping = random.nextBoolean();
        p.interpreter.singleStep = stepping;
        long steps = 0;
        for (int i = 0; i < STEPS; i++) {
            if (random.nextInt(20) == 0) {
                p.interrupts.add(random.nextInt(256));
                c.attend(Cpu.ATTEND_INTERRUPT);
            }
            if (random.nextInt(50) == 0) {
                c.rip = c.codeSize == 64 ? random.nextInt(SIZE) : random.nextInt(0x1_0000);
            }
            Interpreter.Reason reason = stepping ? p.interpreter.run() : burst(p);
            steps++;
            if (reason == Interpreter.Reason.SHUTDOWN) {
                enter(p, mode, random);
            } else if (reason == Interpreter.Reason.HALTED) {
                c.halted = false;
            }
        }
        return steps;
    }

    /** Blocks one after the other, for a moment: another thread kicks the processor out. */
    private static Interpreter.Reason burst(TestProcessor p) {
        var kicker = KICKER.schedule(() -> p.cpu.attend(Cpu.ATTEND_KICK), 300, TimeUnit.MICROSECONDS);
        try {
            return p.interpreter.run();
        } finally {
            kicker.cancel(false);
        }
    }

    /** Instructions that matter more often than one byte in 256. */
    private static void sprinkle(byte[] memory, Random random) {
        int[][] favourites = {{0x0F, 0x01}, {0x0F, 0x00}, {0x0F, 0x22}, {0x0F, 0x30}, {0xCF}, {0xCB}, {0x9A}, {0xEA},
            {0xFF}, {0x8E}, {0xF3, 0xA4}, {0x66, 0x0F}, {0x0F, 0x38}, {0xD9}, {0xF0, 0x0F, 0xB1}, {0x48, 0x0F, 0xC7},
            {0x0F, 0xAE}, {0xCD}, {0x9D}, {0x17}, {0xF3, 0x48, 0xAB}, {0x0F, 0x05}, {0x0F, 0x07}, {0xF2, 0xAE}};
        for (int i = 0; i < SIZE / 16; i++) {
            int[] bytes = favourites[random.nextInt(favourites.length)];
            int at = random.nextInt(SIZE - 4);
            for (int j = 0; j < bytes.length; j++) {
                memory[at + j] = (byte) bytes[j];
            }
        }
    }

    private static void enter(TestProcessor p, Mode mode, Random random) {
        Cpu c = p.cpu;
        dev.vz.emulator.cpu.Reset.powerOn(c);
        boolean wide = mode == Mode.LONG || mode == Mode.LONG_USER || mode == Mode.COMPATIBILITY;
        if (wide) {
            p.longMode(0x20_0000, mode == Mode.LONG_USER ? 3 : 0);
        }
        c.idtBase = random.nextInt(SIZE);
        c.idtLimit = random.nextInt(0x1_0000);
        c.gdtBase = random.nextInt(SIZE);
        c.gdtLimit = random.nextInt(0x1_0000);
        if (random.nextBoolean()) {
            gates(p, wide, random);
        }
        switch (mode) {
            case REAL -> {
                c.segmentSelector[Segments.CS] = 0;
                c.segmentBase[Segments.CS] = 0;
                c.rip = random.nextInt(0x1_0000);
            }
            case PROTECTED, VIRTUAL, PAE -> {
                c.cr0 |= Modes.CR0_PE;
                c.cpl = mode == Mode.VIRTUAL ? 3 : random.nextInt(4);
                c.flags = mode == Mode.VIRTUAL ? Flags.VM : 0;
                for (int i = Segments.ES; i <= Segments.GS; i++) {
                    c.segmentLimit[i] = random.nextBoolean() ? -1 : random.nextInt(0x1_0000);
                    c.segmentBase[i] = random.nextBoolean() ? 0 : random.nextInt(SIZE);
                    c.segmentAttributes[i] = mode == Mode.VIRTUAL ? 0xF3 : Segments.P | Segments.S | c.cpl << 5
                            | (i == Segments.CS ? 0xB : 3) | (random.nextBoolean() ? Segments.D : 0);
                }
                if (mode == Mode.PAE) {
                    c.cr3 = random.nextInt(SIZE) & ~31;
                    c.cr4 |= random.nextBoolean() ? Modes.CR4_PAE : Modes.CR4_PSE;
                    if ((c.cr4 & Modes.CR4_PAE) == 0 || c.mmu.walker.loadPdptes(c.cr3)) {
                        c.cr0 |= Modes.CR0_PG;
                    }
                }
                c.rip = random.nextInt(0x1_0000);
            }
            case COMPATIBILITY -> {
                c.segmentAttributes[Segments.CS] = c.segmentAttributes[Segments.CS] & ~Segments.L | Segments.D;
                c.rip = random.nextInt(SIZE);
            }
            default -> c.rip = random.nextInt(SIZE);
        }
        c.segmentBase[Segments.TR] = random.nextInt(SIZE);
        c.segmentLimit[Segments.TR] = random.nextInt(0x1000);
        Modes.control(c);
        c.mmu.flushAll();
    }

    /** Descriptor tables in which most entries are of a kind that means something. */
    private static void gates(TestProcessor p, boolean wide, Random random) {
        Cpu c = p.cpu;
        c.idtBase = 0x8000;
        c.idtLimit = 0xFFF;
        c.gdtBase = 0xA000;
        c.gdtLimit = 0xFFF;
        for (int i = 0; i < 512; i++) {
            long type = wide ? 0xE + random.nextInt(2) : new int[] {5, 6, 7, 14, 15}[random.nextInt(5)];
            long offset = random.nextInt(SIZE);
            p.memory.writeLong(0x8000 + 8 * i, offset & 0xFFFF | (8L + 8 * random.nextInt(500)) << 16
                    | (0x80L | type | (long) random.nextInt(4) << 5) << 40 | (offset >>> 16) << 48);
            long flags = 0x80L | random.nextInt(0x80);
            p.memory.writeLong(0xA000 + 8 * i,
                    0xFFFFL | (long) random.nextInt(SIZE) << 16 & 0xFF_FFFF_0000L | flags << 40
                            | (long) random.nextInt(16) << 52 | 0xFL << 48);
        }
    }
}
