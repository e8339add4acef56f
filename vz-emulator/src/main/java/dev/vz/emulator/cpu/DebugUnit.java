package dev.vz.emulator.cpu;

import dev.vz.cpu.x86.GuestDebug;
import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.memory.Mmu;
import java.util.List;

/**
 * Breakpoints on instructions, data and ports (Intel SDM volume 3B, chapter 17), and alignment checks, which also have to
 * see every data access. The breakpoints are those of the guest's debug registers, or those of the host while it has set
 * any.
 */
public final class DebugUnit implements Mmu.AccessWatch {

    private static final int EXECUTE = 0;
    private static final int WRITE = 1;
    private static final int PORT = 2;
    private static final int ACCESS = 3;

    private final Cpu c;
    private final long[] address = new long[4];
    private final int[] kind = new int[4];
    private final int[] length = new int[4];
    private final boolean[] enabled = new boolean[4];
    private boolean alignment;
    private boolean data;
    private boolean code;
    private boolean ports;
    private boolean forHost;
    private boolean hostTakesInt3;
    /** Where the host was stopped last: the instruction there is executed when it goes on. */
    private long stoppedAt = -1;

    DebugUnit(Cpu c) {
        this.c = c;
    }

    /** To be called when DR7 or an address register has changed. */
    public void changed() {
        if (forHost) {
            return;
        }
        for (int i = 0; i < 4; i++) {
            address[i] = c.dr[i];
            enabled[i] = (c.dr[7] >> 2 * i & 3) != 0;
            kind[i] = (int) (c.dr[7] >> 16 + 4 * i) & 3;
            int size = (int) (c.dr[7] >> 18 + 4 * i) & 3;
            length[i] = size == 2 ? 8 : size + 1;
        }
        update();
    }

    /** The host sets breakpoints of its own, or takes them away. */
    public void watchForHost(GuestDebug.Settings settings) {
        List<GuestDebug.Breakpoint> wanted = settings.hardware();
        forHost = !wanted.isEmpty();
        hostTakesInt3 = settings.softwareBreakpoints();
        stoppedAt = -1;
        if (!forHost) {
            changed();
            return;
        }
        for (int i = 0; i < 4; i++) {
            enabled[i] = i < wanted.size();
            if (enabled[i]) {
                GuestDebug.Breakpoint point = wanted.get(i);
                address[i] = point.address();
                length[i] = point.length();
                kind[i] = switch (point.condition()) {
                    case EXECUTE -> EXECUTE;
                    case WRITE -> WRITE;
                    case ACCESS -> ACCESS;
                };
            }
        }
        update();
    }

    private void update() {
        data = false;
        code = false;
        ports = false;
        for (int i = 0; i < 4; i++) {
            if (enabled[i]) {
                code |= kind[i] == EXECUTE;
                ports |= kind[i] == PORT;
                data |= kind[i] == WRITE || kind[i] == ACCESS;
            }
        }
        if (watches()) {
            c.attend(Cpu.ATTEND_STEP);
        }
        watch(alignment);
    }

    /** Turns alignment checks on or off. */
    void watch(boolean check) {
        alignment = check;
        boolean watching = alignment || data;
        if (watching != c.mmu.watching) {
            c.mmu.watching = watching;
            if (watching) {
                c.mmu.flushAll();
            }
        }
    }

    /** Whether breakpoints are set: then instructions are executed one at a time. */
    public boolean watches() {
        return code || data || ports;
    }

    /** Whether breakpoints on instructions are set. */
    boolean watchesCode() {
        return code;
    }

    /** Whether the breakpoints are the host's. */
    boolean isForHost() {
        return forHost;
    }

    /** Whether the host was stopped at {@code linear} just now, and goes on. */
    boolean skips(long linear) {
        boolean skip = stoppedAt == linear;
        stoppedAt = skip ? -1 : linear;
        return skip;
    }

    /** INT1 was delivered: what waited for the end of a load of SS is told by the same exception. */
    public void mergePending() {
        if (c.pendingDebug != 0 && !forHost) {
            c.dr[6] = c.dr[6] & ~0xFL | c.pendingDebug;
            c.pendingDebug = 0;
        }
    }

    /** INT3 at {@code ip}: whether the host takes it for a breakpoint of its own. */
    public boolean takesBreakpoint(long ip) {
        if (!hostTakesInt3) {
            return false;
        }
        c.rip = ip;
        c.hostStop = Vector.BP;
        c.hostHits = 0;
        c.attend(Cpu.ATTEND_BREAKPOINT);
        return true;
    }

    /** The DR6 bits of the instruction breakpoints at {@code linear}. */
    long codeHits(long linear) {
        long hits = 0;
        boolean any = false;
        for (int i = 0; i < 4; i++) {
            if (kind[i] == EXECUTE && address[i] == linear) {
                hits |= 1L << i;
                any |= enabled[i];
            }
        }
        return any ? hits : 0;
    }

    @Override
    public void access(long linear, int size, boolean write, boolean userMode) {
        if (alignment && userMode && (linear & size - 1) != 0) {
            throw c.raise(Vector.AC);
        }
        if (!data) {
            return;
        }
        long hits = 0;
        boolean any = false;
        for (int i = 0; i < 4; i++) {
            boolean wanted = kind[i] == ACCESS || kind[i] == WRITE && write;
            long start = address[i] & -length[i];
            if (wanted && linear < start + length[i] && linear + size > start) {
                hits |= 1L << i;
                any |= enabled[i];
            }
        }
        if (any) {
            c.pendingDebug |= hits;
            c.attend(Cpu.ATTEND_STEP);
        }
    }

    /** Looks at a port access; hits are raised after the instruction. */
    public void port(int port, int size) {
        if (!ports || (c.cr4 & Modes.CR4_DE) == 0) {
            return;
        }
        for (int i = 0; i < 4; i++) {
            if (enabled[i] && kind[i] == PORT && port < address[i] + length[i] && port + size > address[i]) {
                c.pendingDebug |= 1L << i;
                c.attend(Cpu.ATTEND_STEP);
            }
        }
    }
}
