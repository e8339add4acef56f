package dev.vz.emulator.translator;

import dev.vz.emulator.cpu.Block;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Translation;
import dev.vz.emulator.fault.Fault;
import java.lang.invoke.MethodHandles;
import java.util.List;

/**
 * A translated region: stands in the place of its first block's first instruction. Each region's class is generated; it
 * executes guest instructions until it has to leave, and returns the interpreter's instruction to go on with.
 */
abstract class Region extends Op implements Translation {

    /** Instructions after which a region leaves at its next backward branch, so that interrupts are seen. */
    private static final int BUDGET = 8_000;
    /** The same at first: HotSpot wants to see a method entered 600 times before it compiles it well. */
    private static final int FIRST_BUDGET = 500;
    private static final long FIRST_INSTRUCTIONS = 350_000;

    /** The interpreter's instructions, those of all blocks one after the other. */
    protected final Op[] ops;
    /** The instruction that threw. */
    protected int at;
    /** 0 until the region may be used: until then {@link #execute} returns at once. */
    protected int budget;
    /** How many instructions were executed here. */
    private long executed;

    private final RegionCache cache;
    private final Cpu c;
    private final Block entry;
    private final List<Block> blocks;
    private boolean dropped;

    /** The constants that the class behind {@code lookup} was defined with. */
    protected static Object[] data(MethodHandles.Lookup lookup) {
        try {
            return MethodHandles.classData(lookup, "_", Object[].class);
        } catch (IllegalAccessException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Makes the region of {@code plan}. */
    protected Region(RegionPlan plan, RegionCache cache) {
        this.cache = cache;
        c = plan.cpu();
        entry = plan.entry();
        blocks = plan.blocks();
        ops = plan.ops();
        ip = entry.ip;
        nextIp = entry.ip;
    }

    @Override
    public final Op current() {
        return ops[at];
    }

    /** The region is left after {@code instructions} instructions. */
    protected final void left(int instructions) {
        executed += instructions;
        if (executed > FIRST_INSTRUCTIONS) {
            budget = BUDGET;
        }
    }

    final boolean isDropped() {
        return dropped;
    }

    final long executed() {
        return executed;
    }

    final List<Block> blocks() {
        return blocks;
    }

    final Block entry() {
        return entry;
    }

    /** Puts the region into place if all its code is as it was when it was planned. */
    final boolean install() {
        for (Block block : blocks) {
            if (block.stamp == 0) {
                return false;
            }
        }
        budget = FIRST_BUDGET;
        if (entry.stamp == c.stamp) {
            found();
        }
        return true;
    }

    /**
     * {@inheritDoc}
     *
     * <p>
     * The first block has just been found; the others can lie in other pages, or hold bytes that a device has changed.
     */
    @Override
    public final void found() {
        entry.first = !dropped && budget > 0 && isInPlace() ? this : entry.decoded;
    }

    private boolean isInPlace() {
        boolean user = c.cpl == 3;
        try {
            for (Block block : blocks) {
                long host = c.mmu.fetch(block.ip, user);
                if (host == 0 || c.mmu.fetchAddress != block.physical() || !block.isAt(host, 0)) {
                    return false;
                }
            }
            return true;
        } catch (Fault e) {
            return false; // a page is not mapped here: the region can still be right elsewhere
        }
    }

    @Override
    public final void drop() {
        if (!dropped) {
            forget();
            cache.dropped(this);
        }
    }

    /** Goes out of use. */
    final void forget() {
        dropped = true;
        entry.first = entry.decoded;
        if (entry.translation == this) {
            entry.translation = null;
        }
        for (Block block : blocks) {
            List<Translation> others = block.translations;
            if (others != null) {
                others.remove(this);
            }
        }
    }
}
