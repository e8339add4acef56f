package dev.vz.emulator.translator;

import dev.vz.emulator.cpu.Block;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Translation;
import dev.vz.emulator.fault.Fault;
import dev.vz.emulator.memory.PhysicalMemory;
import java.lang.invoke.MethodHandles;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A translated region: stands in the place of its first block's first instruction. Each region's class is generated; it
 * executes guest instructions until it has to leave, and returns the interpreter's instruction to go on with.
 */
abstract class Region extends Op implements Translation {

    /** Instructions after which a region leaves at its next backward branch, so that interrupts are seen. */
    private static final int BUDGET = 8_000;
    /**
     * The same at first: HotSpot compiles a method well once it has seen it entered 600 times. If it sees 40,000 backward
     * branches before that, it compiles each loop on its own first, and several large compilations are made for nothing.
     */
    private static final int FIRST_BUDGET = 250;
    /** Instructions until the compilers are done, mostly: it is what a region executes in a tenth of a second or two. */
    private static final long FIRST_INSTRUCTIONS = 40_000_000;

    /** The interpreter's instructions, those of all blocks one after the other. */
    protected final Op[] ops;
    /** The instruction that threw. */
    protected int at;
    /** 0 until the region may be used: until then {@link #execute} returns at once. */
    protected int budget;
    /** How many instructions were executed here. */
    private long executed;
    /** The same of those in whose place it is. */
    private long earlier;

    private final RegionCache cache;
    private final Cpu c;
    /** The part with which to begin; 0 but for a moment. */
    protected int start;
    private final List<Block> blocks;
    /** How often each block was entered outside before this came. */
    private final long[] executions;
    /** Blocks at which it can be entered, and what is executed there. */
    private final Block[] entries;
    private final Op[] entrances;
    private long checked;
    private boolean inPlace;
    private boolean dropped;
    private final boolean distant;
    /** Instructions after which another is asked for in its place. */
    private long worthwhile;

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
        blocks = plan.blocks();
        executions = new long[blocks.size()];
        ops = plan.ops();
        distant = plan.distant();
        worthwhile = distant ? cache.heat().worthwhile() : Long.MAX_VALUE;
        ip = plan.entry().ip;
        nextIp = ip;
        entries = new Block[plan.entries().size()];
        entrances = new Op[entries.length];
        for (int i = 0; i < entries.length; i++) {
            int part = plan.entries().get(i);
            entries[i] = blocks.get(part);
            LockstepReport report = cache.report();
            entrances[i] = report != null ? new CheckedEntrance(this, part, entries[i], report)
                    : i == 0 ? this : new Entrance(this, part, entries[i]);
        }
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
        if (executed > worthwhile) {
            worthwhile = Long.MAX_VALUE;
            cache.worthwhile(this);
        }
    }

    /** No other can be made in its place now. It asks again when it has executed an eighth more. */
    final void postpone() {
        worthwhile = executed + executed / 8;
    }

    /** Whether its accesses are calls, see {@link DistantAccess}. */
    final boolean isDistant() {
        return distant;
    }

    final boolean isDropped() {
        return dropped;
    }

    final long executed() {
        return executed;
    }

    /** How many instructions were executed here and in the region in whose place this one is. */
    final long work() {
        return earlier + executed;
    }

    /** How many instructions were executed in {@code block}, one of the region's, outside the region since it has been there. */
    @SuppressWarnings("ReferenceEquality") // a block is nothing but itself
    final long outside(Block block) {
        for (int i = 0; i < executions.length; i++) {
            if (blocks.get(i) == block) {
                return (block.executions - executions[i]) * block.count;
            }
        }
        return 0;
    }

    /** Comes into the place of {@code before}. */
    final void inherit(Region before) {
        earlier = before.work();
    }

    final List<Block> blocks() {
        return blocks;
    }

    /** The block at {@code ip}, if it belongs to the region. */
    final @Nullable Block find(long ip) {
        for (Block block : blocks) {
            if (block.ip == ip) {
                return block;
            }
        }
        return null;
    }

    final Block entry() {
        return entries[0];
    }

    /** Puts the region into place if all its code is as it was when it was planned. */
    @SuppressWarnings("ReferenceEquality") // a region is nothing but itself
    final boolean install() {
        for (Block block : blocks) {
            if (block.stamp == 0) {
                return false;
            }
        }
        for (int i = 0; i < executions.length; i++) {
            executions[i] = blocks.get(i).executions;
        }
        budget = FIRST_BUDGET;
        for (Block entry : entries) {
            if (entry.translation == null) {
                entry.translation = this;
            }
            if (entry.translation == this && entry.stamp == c.stamp) {
                found(entry);
            }
        }
        return true;
    }

    /**
     * {@inheritDoc}
     *
     * <p>
     * This block has just been found; the others can lie in other pages, or hold bytes that a device has changed.
     */
    @Override
    public final void found(Block block) {
        if (checked != c.stamp) {
            checked = c.stamp;
            inPlace = isInPlace();
        }
        for (int i = 0; i < entries.length; i++) {
            if (entries[i] == block) {
                block.first = !dropped && budget > 0 && inPlace ? entrances[i] : block.decoded;
            }
        }
    }

    private boolean isInPlace() {
        boolean user = c.cpl == 3;
        try {
            long page = 1; // none: neighbours mostly lie in the same, and page tables are walked once for it
            long hostPage = 0;
            long physicalPage = 0;
            for (Block block : blocks) {
                long offset = block.ip & PhysicalMemory.PAGE - 1;
                if (block.ip - offset != page) {
                    page = block.ip - offset;
                    hostPage = c.mmu.fetch(block.ip, user) - offset;
                    physicalPage = c.mmu.fetchAddress - offset;
                    if (hostPage + offset == 0) {
                        return false;
                    }
                }
                if (physicalPage + offset != block.physical() || !block.isAt(hostPage + offset, 0)) {
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
    @SuppressWarnings("ReferenceEquality") // a region is nothing but itself
    final void forget() {
        dropped = true;
        for (Block entry : entries) {
            if (entry.translation == this) {
                entry.first = entry.decoded;
                entry.translation = null;
            }
        }
        for (Block block : blocks) {
            List<Translation> others = block.translations;
            if (others != null) {
                others.remove(this);
            }
        }
    }
}
