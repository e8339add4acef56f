package dev.vz.emulator.cpu;

import dev.vz.emulator.fault.Fault;
import dev.vz.emulator.fault.Vector;
import org.jspecify.annotations.Nullable;

/**
 * Runs a virtual CPU: block after block, and between blocks whatever asks for attention, in the order of priority that
 * Intel SDM volume 3A, table 6-2 gives. Belongs to the thread that runs the virtual CPU.
 */
public final class Interpreter {

    /** Why {@link #run} came back. */
    public enum Reason {
        /** {@link Cpu#ATTEND_KICK}. */
        KICKED,
        /** {@code HLT}, and no interrupt is waiting. */
        HALTED,
        /** A triple fault. */
        SHUTDOWN,
        /** {@link Cpu#ATTEND_EVENT}: INIT or start-up. */
        EVENT,
        /** An external interrupt can be taken, as {@link Cpu#windowWanted} asked. */
        WINDOW,
        /** One instruction was executed, as {@link #singleStep} asked. */
        STEPPED,
        /** A breakpoint of the host. */
        BREAKPOINT
    }

    static final long DR6_SINGLE_STEP = 1 << 14;

    private final Cpu c;
    private boolean shutdown;

    /** Whether to come back after each instruction. */
    public boolean singleStep;

    /** Makes the interpreter of a processor. */
    public Interpreter(Cpu c) {
        this.c = c;
    }

    /**
     * Runs until something has to be done outside.
     *
     * @throws RuntimeException what a device or exit handler threw; the instruction counts as not executed
     */
    public Reason run() {
        shutdown = false;
        while (true) {
            if (c.attention != 0 || c.halted || singleStep) {
                Reason reason = attend();
                if (reason != null) {
                    return reason;
                }
            } else {
                chain();
            }
            if (shutdown) {
                return Reason.SHUTDOWN;
            }
        }
    }

    private @Nullable Reason attend() {
        int bits = c.attention;
        if ((bits & Cpu.ATTEND_CODE) != 0) {
            c.attended(Cpu.ATTEND_CODE);
            c.blocks.settle();
        }
        if ((bits & Cpu.ATTEND_KICK) != 0) {
            c.attended(Cpu.ATTEND_KICK);
            return Reason.KICKED;
        }
        if ((bits & Cpu.ATTEND_REQUEST) != 0) {
            c.attended(Cpu.ATTEND_REQUEST);
            c.outside.serveRequests();
        }
        if ((bits & Cpu.ATTEND_TRANSLATION) != 0) {
            c.attended(Cpu.ATTEND_TRANSLATION);
            if (c.translator != null) {
                c.translator.install();
            }
        }
        if ((bits & Cpu.ATTEND_BREAKPOINT) != 0) {
            c.attended(Cpu.ATTEND_BREAKPOINT);
            return Reason.BREAKPOINT;
        }
        if ((bits & Cpu.ATTEND_EVENT) != 0) {
            c.attended(Cpu.ATTEND_EVENT);
            return Reason.EVENT;
        }
        if (c.inFlight.kind != InFlight.NONE) {
            if (c.inFlight.deliver(c)) {
                afterDelivery();
            } else {
                shutdown = true;
            }
            return null;
        }
        if (c.shadow == 0 && c.takeNmi()) {
            c.nmiPending--;
            c.nmiBlocked = true;
            deliver(Vector.NMI);
            return null;
        }
        if (c.shadow == 0) {
            c.attended(Cpu.ATTEND_INTERRUPT);
            if ((c.flags & Flags.IF) != 0) {
                if (c.outside.interrupts().isPending()) {
                    int vector = c.outside.interrupts().acknowledge();
                    if (vector >= 0) {
                        deliver(vector);
                        return null;
                    }
                }
                if (c.windowWanted) {
                    c.attend(Cpu.ATTEND_INTERRUPT);
                    return Reason.WINDOW;
                }
            }
        }
        if (c.halted) {
            return Reason.HALTED;
        }
        if ((bits & Cpu.ATTEND_STEP) != 0 || singleStep) {
            step();
            if (singleStep) {
                return shutdown ? null : Reason.STEPPED;
            }
            return null;
        }
        chain();
        return null;
    }

    /** Delivers an external interrupt or NMI. */
    private void deliver(int vector) {
        try {
            c.delivery.interrupt(vector, Delivery.HARDWARE);
            afterDelivery();
        } catch (Fault fault) {
            exception();
        }
    }

    private void afterDelivery() {
        if (c.debug.watches()) {
            c.attend(Cpu.ATTEND_STEP);
        }
        if (c.interruptWaits()) {
            c.attend(Cpu.ATTEND_INTERRUPT);
        }
    }

    private void exception() {
        if (c.delivery.exception()) {
            afterDelivery();
        } else {
            shutdown = true;
        }
    }

    /** Executes blocks until one has no known successor, something wants attention, or an instruction faults. */
    private void chain() {
        Op op = null;
        try {
            Modes.stamp(c);
            Block block = c.at(c.rip);
            if (block == null) {
                block = c.blocks.find();
            }
            op = block.enter(c);
            c.blocks.running = true;
            do {
                op = op.execute(c);
            } while (op != null);
            c.blocks.running = false;
        } catch (Fault fault) {
            fault(op, fault);
        } catch (UnmaskedSimd unmasked) {
            fault(op, c.raise((c.cr4 & Modes.CR4_OSXMMEXCPT) != 0 ? Vector.XM : Vector.UD));
        } catch (BlockCache.CodeModified modified) {
            c.blocks.running = false;
            if (op != null) {
                c.rip = op.current().ip;
            }
            c.attend(Cpu.ATTEND_STEP);
        } catch (RuntimeException | Error e) {
            c.blocks.running = false;
            if (op != null) {
                c.rip = op.current().ip;
            }
            throw e;
        }
    }

    private void fault(@Nullable Op running, Fault fault) {
        c.blocks.running = false;
        if (running != null) {
            Op op = running.current();
            c.rip = op.ip;
            if (fault.nonCanonical && op.usesStack()) {
                fault.raise(Vector.SS);
            }
        }
        c.faulted = true;
        exception();
    }

    /**
     * Executes the instruction at {@link Cpu#rip} and nothing else: one whose access to a device was answered meanwhile.
     */
    public void finishInstruction() {
        shutdown = false;
        step();
    }

    /** Whether the last {@link #finishInstruction} ended in a triple fault. */
    public boolean hasShutDown() {
        return shutdown;
    }

    /** Executes one instruction with everything that single steps and breakpoints ask for. */
    private void step() {
        boolean resume = (c.flags & Flags.RF) != 0;
        if (c.pendingDebug != 0 && c.shadow != 1) {
            if (c.debug.isForHost()) {
                stop(c.pendingDebug);
                c.pendingDebug = 0;
            } else {
                debugException();
            }
            return;
        }
        if (c.debug.watchesCode() && !resume) {
            long base = c.codeSize == 64 ? 0 : c.segmentBase[Segments.CS];
            long hits = c.debug.codeHits(base + c.rip);
            if (hits != 0 && c.debug.isForHost()) {
                if (!c.debug.skips(base + c.rip)) {
                    stop(hits);
                    return;
                }
            } else if (hits != 0) {
                c.pendingDebug |= hits;
                debugException();
                return;
            }
        }
        boolean trap = (c.flags & Flags.TF) != 0;
        int shadow = c.shadow;
        c.shadow = 0;
        c.flags &= ~Flags.RF;
        c.faulted = false;
        c.untraced = false;
        c.stepping = true;
        c.attend(Cpu.ATTEND_STEP); // so that the block behind the instruction is not entered
        try {
            chain();
        } catch (RuntimeException | Error e) {
            c.shadow = shadow;
            c.flags |= resume ? Flags.RF : 0;
            again(true);
            throw e;
        } finally {
            c.stepping = false;
            Modes.stamp(c);
        }
        // The trap behind a load of SS does not wait for the end of its shadow: it is lost.
        if (trap && !c.faulted && !c.untraced && c.shadow != 1) {
            c.pendingDebug |= DR6_SINGLE_STEP;
        }
        if (c.pendingDebug != 0 && c.shadow != 1) {
            if (c.faulted) {
                c.pendingDebug = 0; // the exception comes first, and the instruction is executed again
            } else if (c.debug.isForHost() && c.pendingDebug != DR6_SINGLE_STEP) {
                stop(c.pendingDebug & 0xF);
                c.pendingDebug &= DR6_SINGLE_STEP;
            } else {
                debugException();
            }
        }
        again(c.pendingDebug != 0);
        c.attend(Cpu.ATTEND_INTERRUPT);
    }

    private void stop(long hits) {
        c.hostStop = Vector.DB;
        c.hostHits = hits;
        c.attend(Cpu.ATTEND_BREAKPOINT | Cpu.ATTEND_STEP);
    }

    private void again(boolean need) {
        c.attended(Cpu.ATTEND_STEP);
        if (need || c.shadow != 0 || (c.flags & (Flags.TF | Flags.RF)) != 0 || c.debug.watches()) {
            c.attend(Cpu.ATTEND_STEP);
        }
    }

    private void debugException() {
        c.dr[6] = c.dr[6] & ~0xFL | c.pendingDebug;
        c.dr[7] &= ~0x2000L; // GD
        c.pendingDebug = 0;
        c.raise(Vector.DB);
        exception();
        again(false);
    }
}
