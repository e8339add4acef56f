package dev.vz.emulator.translator;

import dev.vz.emulator.TestProcessor;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Interpreter;
import dev.vz.emulator.cpu.Modes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** One run of a random program, on the interpreter or with translation, and what was seen at its port writes. */
final class LockstepGuest {

    private static final int SIZE = 6 << 20;
    private static final long GDT = 0x14_0000;
    private static final long IDT = 0x14_1000;

    /** The processor at one port write. */
    record Sight(long[] registers, long[] vectors, int flags, long rip) {
        static Sight of(Cpu c) {
            return new Sight(c.gpr.clone(), Arrays.copyOf(c.fpu.xmm, 32), Flags.get(c), c.rip);
        }

        boolean isSameAs(Sight other) {
            return Arrays.equals(registers, other.registers) && Arrays.equals(vectors, other.vectors)
                    && flags == other.flags;
        }

        @Override
        public String toString() {
            var text = new StringBuilder();
            for (int i = 0; i < 16; i++) {
                text.append(String.format("r%d=%x ", i, registers[i]));
            }
            return text + String.format("flags=%x xmm=%x", flags, Arrays.hashCode(vectors));
        }
    }

    final List<Sight> sights = new ArrayList<>();
    byte[] memory = {};
    long regions;
    long translated;
    Interpreter.@Nullable Reason reason;

    /** Runs {@code code}; {@code seed} decides registers and data. */
    static LockstepGuest run(byte[] code, long seed, boolean supervisor, boolean translate) {
        var guest = new LockstepGuest();
        try (var p = new TestProcessor(SIZE)) {
            Heat heat = Heat.of(1024);
            RegionCache cache = translate
                    ? new RegionCache(p.cpu, new Workshop(Runnable::run), (seed & 2) == 0 ? heat : heat.near(), 3000)
                    : null;
            p.cpu.translator = cache;
            p.cpu.alone = (seed & 1) == 0;
            guest.prepare(p, code, new Random(seed), supervisor);
            p.portListener = access -> {
                if (access.address() == RandomProgram.PORT) {
                    guest.sights.add(Sight.of(p.cpu));
                } else {
                    p.cpu.attend(Cpu.ATTEND_KICK);
                }
            };
            guest.reason = p.interpreter.run();
            guest.sights.add(Sight.of(p.cpu));
            guest.memory = p.memory.read(0x20_0000, SIZE - 0x20_0000);
            if (cache != null) {
                guest.regions = cache.made();
                guest.translated = cache.retired();
            }
        }
        return guest;
    }

    private void prepare(TestProcessor p, byte[] code, Random random, boolean supervisor) {
        p.longMode(RandomProgram.CODE, supervisor ? 0 : 3);
        Cpu c = p.cpu;
        for (int i = 0; i < 512; i++) {
            p.memory.writeLong(RandomProgram.PAGE_TABLE + 8L * i, 0x40_0000L + 0x1000L * i | 7);
        }
        p.memory.writeLong(TestProcessor.TABLES + 0x2000 + 8 * 2, RandomProgram.PAGE_TABLE | 7);
        p.memory.writeLong(GDT + 8, 0x00AF_9B00_0000_FFFFL);
        p.memory.writeLong(GDT + 16, 0x00CF_9300_0000_FFFFL);
        c.gdtBase = GDT;
        c.gdtLimit = 0xFF;
        c.idtBase = IDT;
        c.idtLimit = 0xFFF;
        p.memory.writeLong(IDT + 16 * 14, RandomProgram.HANDLER & 0xFFFF | 8L << 16 | 0x8EL << 40
                | RandomProgram.HANDLER >>> 16 << 48);
        p.memory.write(RandomProgram.HANDLER, handler());
        p.memory.write(RandomProgram.CODE, code);
        byte[] data = new byte[0x10000];
        random.nextBytes(data);
        p.memory.write(RandomProgram.DATA - 0x8000, data);
        for (int i = 0; i < 16; i++) {
            c.gpr[i] = random.nextInt(3) == 0 ? random.nextInt(256) : random.nextLong();
        }
        c.gpr[4] = 0x2F_0000;
        c.gpr[6] = RandomProgram.DATA;
        for (int i = 0; i < 32; i++) {
            c.fpu.xmm[i] = random.nextLong();
        }
        Flags.setArithmetic(c, random.nextInt());
        c.flags |= Flags.IOPL;
        Modes.control(c);
    }

    /** Makes the page present again. */
    private static byte[] handler() {
        return new CodeBytes().add(0x50) // push rax
                .add(0x0F, 0x20, 0xD0) // mov rax, cr2
                .add(0xE6, RandomProgram.PORT) // out
                .add(0xC1, 0xE8, 12) // shr eax, 12
                .add(0x25).number(511, 4) // and eax, 511
                .add(0x80, 0x0C, 0xC5).number(RandomProgram.PAGE_TABLE, 4).add(1) // or byte [pte], 1
                .add(0x58) // pop rax
                .add(0x48, 0x83, 0xC4, 0x08) // add rsp, 8
                .add(0x48, 0xCF) // iretq
                .toArray();
    }
}
