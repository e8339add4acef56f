package dev.vz.emulator.irq;

import dev.vz.emulator.clock.MachineClock;
import dev.vz.irq.PitState;
import org.jspecify.annotations.Nullable;

/** One counter of an 8254 (Intel 8254 datasheet). {@link Pit} locks. */
final class PitChannel {

    /** Input clock in Hz. */
    static final long FREQUENCY = 1_193_182;
    private static final long SECOND = 1_000_000_000L;
    /** A guest that asks for a shorter period gets this one: it floods itself, not the host. */
    private static final long SHORTEST_PERIOD = 20_000;

    private final MachineClock clock;
    private final MachineClock.@Nullable Timer timer;
    private final @Nullable Output output;
    private int count = 0x1_0000;
    private int latchedCount;
    private int countLatched;
    private boolean statusLatched;
    private int status;
    private int readState;
    private int writeState;
    private int writeLatch;
    private int rwMode = 3;
    private int mode;
    private boolean bcd;
    private boolean gate = true;
    private long loadTime;
    private boolean armed;

    /** What the output pin drives. */
    interface Output {
        void set(boolean high);
    }

    /** A channel whose output goes to {@code output}, or that is only read. */
    PitChannel(MachineClock clock, Object lock, @Nullable Output output) {
        this.clock = clock;
        this.output = output;
        this.timer = output == null ? null : clock.timer(() -> {
            synchronized (lock) {
                fire();
            }
        });
    }

    void reset() {
        if (timer != null) {
            timer.disarm();
        }
        count = 0x1_0000;
        latchedCount = 0;
        countLatched = 0;
        statusLatched = false;
        status = 0;
        readState = 0;
        writeState = 0;
        writeLatch = 0;
        rwMode = 3;
        mode = 0;
        bcd = false;
        gate = true;
        loadTime = clock.nanos();
        armed = false;
    }

    private long ticks() {
        long gone = clock.nanos() - loadTime;
        return gone / SECOND * FREQUENCY + gone % SECOND * FREQUENCY / SECOND;
    }

    private long nanos(long ticks) {
        return ticks / FREQUENCY * SECOND + (ticks % FREQUENCY * SECOND + FREQUENCY - 1) / FREQUENCY;
    }

    /** The counter's value now, 0 to 65535. */
    int value() {
        if (!gate && mode != 1 && mode != 5) {
            return count & 0xFFFF;
        }
        long gone = ticks();
        return switch (mode) {
            case 2 -> (int) (count - gone % count) & 0xFFFF;
            case 3 -> (int) (count - gone * 2 % count) & 0xFFFE;
            default -> (int) (count - gone) & 0xFFFF;
        };
    }

    /** The level of the output pin. */
    boolean out() {
        long gone = ticks();
        return switch (mode) {
            case 0, 1 -> gone >= count;
            case 2 -> gone % count != count - 1;
            case 3 -> gone % count < (count + 1) / 2;
            default -> gone != count;
        };
    }

    void setGate(boolean high) {
        boolean rising = high && !gate;
        gate = high;
        if (rising && mode != 0 && mode != 4) {
            loadTime = clock.nanos();
            arm();
        }
    }

    boolean gate() {
        return gate;
    }

    /** The control word's part for this channel. */
    void control(int value) {
        int access = value >>> 4 & 3;
        if (access == 0) {
            latchCount();
            return;
        }
        rwMode = access;
        int code = value >>> 1 & 7;
        mode = code > 5 ? code & 3 : code;
        bcd = (value & 1) != 0;
        readState = access == 3 ? 0 : access;
        writeState = access == 3 ? 0 : access;
        countLatched = 0;
        statusLatched = false;
        armed = false;
        if (timer != null) {
            timer.disarm();
        }
        if (output != null) {
            output.set(mode != 0);
        }
    }

    void latchCount() {
        if (countLatched == 0) {
            latchedCount = encode(value());
            countLatched = rwMode;
        }
    }

    void latchStatus() {
        if (!statusLatched) {
            status = (out() ? 0x80 : 0) | rwMode << 4 | mode << 1 | (bcd ? 1 : 0);
            statusLatched = true;
        }
    }

    int read() {
        if (statusLatched) {
            statusLatched = false;
            return status;
        }
        if (countLatched != 0) {
            return readLatch();
        }
        int now = encode(value());
        if (rwMode == 1) {
            return now & 0xFF;
        }
        if (rwMode == 2) {
            return now >>> 8 & 0xFF;
        }
        readState ^= 1;
        return readState == 1 ? now & 0xFF : now >>> 8 & 0xFF;
    }

    private int readLatch() {
        switch (countLatched) {
            case 3 -> {
                countLatched = 2;
                return latchedCount & 0xFF;
            }
            case 2 -> {
                countLatched = 0;
                return latchedCount >>> 8 & 0xFF;
            }
            default -> {
                countLatched = 0;
                return latchedCount & 0xFF;
            }
        }
    }

    void write(int value) {
        switch (rwMode) {
            case 1 -> load(value);
            case 2 -> load(value << 8);
            default -> {
                if (writeState == 0) {
                    writeLatch = value;
                    writeState = 1;
                } else {
                    writeState = 0;
                    load(writeLatch | value << 8);
                }
            }
        }
    }

    private void load(int value) {
        int decoded = decode(value);
        count = decoded == 0 ? bcd ? 10_000 : 0x1_0000 : decoded;
        loadTime = clock.nanos();
        armed = true;
        if (output != null && mode == 0) {
            output.set(false);
        }
        arm();
    }

    private int encode(int value) {
        return bcd ? value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10 : value;
    }

    private int decode(int value) {
        return bcd
                ? (value >>> 12 & 15) * 1000 + (value >>> 8 & 15) * 100 + (value >>> 4 & 15) * 10 + (value & 15)
                : value;
    }

    private void arm() {
        if (timer == null || !armed) {
            return;
        }
        timer.arm(loadTime + Math.max(nanos(count), mode == 2 || mode == 3 ? SHORTEST_PERIOD : 0));
    }

    private void fire() {
        if (!armed || output == null || timer == null) {
            return;
        }
        if (mode == 2 || mode == 3) {
            output.set(false);
            output.set(true);
            // The next period starts where this one ended, not when the host got round to it; what it overslept merges.
            long period = Math.max(nanos(count), SHORTEST_PERIOD);
            long now = clock.nanos();
            long elapsed = Math.max(1, (now - loadTime) / period);
            timer.arm(loadTime + (elapsed + 1) * period);
        } else {
            armed = false;
            output.set(mode > 3 ? pulse() : true);
        }
    }

    /** Modes 4 and 5: the output falls for one tick and is high again. */
    private boolean pulse() {
        if (output != null) {
            output.set(false);
        }
        return true;
    }

    PitState.Channel save() {
        return new PitState.Channel(count, latchedCount, countLatched, statusLatched, status, readState, writeState,
                writeLatch, rwMode, mode, bcd, gate, clock.nanos() - loadTime);
    }

    void restore(PitState.Channel state) {
        count = Math.clamp(state.count(), 1, 0x1_0000);
        latchedCount = state.latchedCount();
        countLatched = state.countLatched() & 3;
        statusLatched = state.statusLatched();
        status = state.status() & 0xFF;
        readState = state.readState() & 1;
        writeState = state.writeState() & 1;
        writeLatch = state.writeLatch() & 0xFF;
        rwMode = Math.max(1, state.rwMode() & 3);
        mode = Math.min(5, state.mode() & 7);
        bcd = state.bcd();
        gate = state.gate();
        loadTime = clock.nanos() - state.countAge();
        armed = output != null && (mode == 2 || mode == 3 || ticks() < count);
        arm();
    }
}
