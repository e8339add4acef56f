package dev.vz.emulator.cpu;

import dev.vz.emulator.memory.PhysicalMemory;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The decoded code of one virtual CPU: finds the block at the instruction pointer, makes it if there is none, and drops
 * blocks whose code is written. Bounded: when it holds too much it forgets everything and starts anew.
 */
public final class BlockCache {

    private static final int BUCKETS = 1 << 16;
    /** About 60 MB of decoded instructions. */
    private static final int MOST_INSTRUCTIONS = 600_000;

    private final Cpu c;
    private final BlockBuilder builder;
    private final Modes.CodeSegments codeSegments = new Modes.CodeSegments();
    private final @Nullable Block[] buckets = new Block[BUCKETS];
    private final PageMap pages = new PageMap();
    private final CodeModified codeModified = new CodeModified();
    private int instructions;
    /** Whether a block is being executed, so that it matters whether its code changes. */
    boolean running;
    private long retired;
    private long dropped;

    /** Thrown when the running instruction is about to write decoded code: it is to be executed again, alone. */
    static final class CodeModified extends RuntimeException {
        private static final long serialVersionUID = 1L;

        CodeModified() {
            super("decoded code is about to be written", null, false, false);
        }
    }

    BlockCache(Cpu c, OpSource source) {
        this.c = c;
        builder = new BlockBuilder(c, source);
    }

    /** The number of the present code segment's base and limit. */
    int codeSegment() {
        if (c.codeSize == 64) {
            return 0;
        }
        if (codeSegments.isFull()) {
            clear();
            codeSegments.clear();
        }
        return codeSegments.number(c.segmentBase[Segments.CS], c.segmentLimit[Segments.CS]);
    }

    /**
     * The block at {@link Cpu#rip}, ready to be entered.
     *
     * @throws dev.vz.emulator.fault.Fault if its first instruction cannot be fetched
     */
    Block find() {
        long ip = c.rip;
        long linear = c.codeSize == 64 ? ip : c.segmentBase[Segments.CS] + ip & 0xFFFF_FFFFL;
        boolean user = c.cpl == 3;
        Block block;
        do {
            block = find(linear, ip, user);
        } while (block == null);
        return block;
    }

    /** The block there; {@code null} if its code was written while it was being decoded. */
    private @Nullable Block find(long linear, long ip, boolean user) {
        long host = c.mmu.fetch(linear, user);
        long physical = c.mmu.fetchAddress;
        if (host == 0) {
            return builder.outsideMemory(linear, ip);
        }
        long mode = c.stamp & 0xF_FFFF;
        int bucket = hash(physical, ip);
        for (Block block = buckets[bucket]; block != null; block = block.nextInBucket) {
            if (block.physical == physical && block.ip == ip && block.mode == mode) {
                if (block.stamp == c.stamp) {
                    // Found before, and only pushed out of its slot by another.
                    c.recent[Cpu.slot(ip)] = block;
                    return block;
                }
                if (verify(block, host, linear, user)) {
                    return enter(block);
                }
            }
        }
        if (instructions > MOST_INSTRUCTIONS) {
            clear();
        }
        Block block = builder.build(linear, ip, host, physical, mode);
        block.stamp = c.stamp; // it can be dropped from here on
        add(block, bucket);
        if (!c.alone) {
            VarHandle.fullFence(); // rule 1 of CodeMap
            if (!verify(block, host, linear, user)) {
                return null;
            }
        }
        return enter(block);
    }

    private Block enter(Block block) {
        block.stamp = c.stamp;
        Translation translation = block.translation;
        if (translation != null) {
            translation.found(block);
        }
        c.recent[Cpu.slot(block.ip)] = block;
        return block;
    }

    private static int hash(long physical, long ip) {
        long h = physical * 0x9E37_79B9_7F4A_7C15L ^ ip;
        return (int) (h >>> 32 ^ h) & BUCKETS - 1;
    }

    /**
     * Whether the block was not dropped and its bytes are still what they were. Writes by the guest drop blocks at once;
     * this finds what a device has put there, and what was written while the block was decoded.
     */
    private boolean verify(Block block, long host, long linear, boolean user) {
        if (block.stamp == 0) {
            return false;
        }
        long secondHost = 0;
        if (block.secondPage >= 0) {
            secondHost = c.mmu.fetch(linear + 4096 & PhysicalMemory.PAGE_MASK, user);
            if (secondHost == 0 || c.mmu.fetchAddress != block.secondPage) {
                return false;
            }
        }
        if (block.stamp == 0) {
            return false; // the second page's accessed bit lies in it
        }
        if (block.isAt(host, secondHost)) {
            return true;
        }
        drop(block);
        return false;
    }

    private void add(Block block, int bucket) {
        instructions += block.count;
        block.nextInBucket = buckets[bucket];
        buckets[bucket] = block;
        register(block, block.physical, block.bytesInFirstPage(), false);
        if (block.secondPage >= 0) {
            register(block, block.secondPage, block.code.length - block.bytesInFirstPage(), true);
        }
    }

    private void register(Block block, long physical, int bytes, boolean second) {
        long page = physical & PhysicalMemory.PAGE_MASK;
        Block head = pages.get(page);
        if (second) {
            block.nextInSecondPage = head;
        } else {
            block.nextInPage = head;
        }
        pages.put(page, block);
        PhysicalMemory memory = c.mmu.memory;
        if (memory.addCode(physical, PhysicalMemory.pieces(physical, bytes))) {
            long host = memory.host(page);
            c.mmu.flushWrites(host);
            c.outside.codePage(page, host);
            memory.codeKnown(page);
        }
    }

    private static @Nullable Block next(Block block, long page) {
        return (block.physical & PhysicalMemory.PAGE_MASK) == page ? block.nextInPage : block.nextInSecondPage;
    }

    /** The guest is about to write {@code bytes} bytes, within a page, where some processor has decoded code. */
    void codeWrite(long physical, int bytes) {
        if (drop(physical, bytes) && running && !c.stepping) {
            throw codeModified;
        }
    }

    /** The guest has written {@code bytes} bytes, within a page that has decoded code. Rule 1 of {@code CodeMap}. */
    void codeWritten(long physical, int bytes) {
        if (c.alone) {
            return; // what was decoded was dropped before
        }
        VarHandle.fullFence();
        long decoded = c.mmu.memory.code(physical) & PhysicalMemory.pieces(physical, bytes);
        if (decoded != 0) {
            dropEverywhere(physical & PhysicalMemory.PAGE_MASK, decoded);
        }
    }

    /** The processor has written a page table. */
    void tableWritten(long physical, int bytes) {
        drop(physical, bytes);
        codeWritten(physical, bytes);
    }

    private void dropEverywhere(long page, long pieces) {
        PhysicalMemory memory = c.mmu.memory;
        int additions = memory.codeAdditions(page);
        int first = Long.numberOfTrailingZeros(pieces);
        int last = 63 - Long.numberOfLeadingZeros(pieces);
        long start = page + (first << 6);
        int length = last - first + 1 << 6;
        drop(start, length);
        c.outside.codeWrite(start, length);
        memory.removeCode(page, PhysicalMemory.pieces(start, length), additions); // rule 3
    }

    /** Another processor has written in {@code [physical, physical + bytes)}, within a page. */
    public void dropWritten(long physical, int bytes) {
        drop(physical, bytes);
    }

    /**
     * Drops the blocks with a byte in {@code [physical, physical + bytes)}, within a page.
     *
     * @return whether there was one
     */
    private boolean drop(long physical, int bytes) {
        long page = physical & PhysicalMemory.PAGE_MASK;
        Block head = pages.get(page);
        if (head == null) {
            return false;
        }
        boolean any = false;
        for (Block block = head; block != null; block = next(block, page)) {
            if (block.stamp != 0 && block.touches(physical, bytes)) {
                drop(block);
                any = true;
            }
        }
        if (any) {
            sweep(page, head);
        }
        return any;
    }

    /** Rebuilds the page's list and the record of where it has code, after blocks were dropped. */
    private void sweep(long page, Block head) {
        Block kept = null;
        long pieces = 0;
        Block following;
        for (Block block = head; block != null; block = following) {
            following = next(block, page);
            if (block.stamp == 0) {
                continue;
            }
            boolean first = (block.physical & PhysicalMemory.PAGE_MASK) == page;
            int here = block.bytesInFirstPage();
            pieces |= first ? PhysicalMemory.pieces(block.physical, here)
                    : PhysicalMemory.pieces(block.secondPage, block.code.length - here);
            if (first) {
                block.nextInPage = kept;
            } else {
                block.nextInSecondPage = kept;
            }
            kept = block;
        }
        if (kept == null) {
            pages.remove(page);
        } else {
            pages.put(page, kept);
        }
        if (c.alone) {
            c.mmu.memory.removeCode(page, ~pieces);
        }
    }

    private void drop(Block block) {
        block.stamp = 0;
        dropped++;
        retired += block.executions * block.count;
        block.executions = 0;
        List<Translation> translations = block.translations;
        if (translations != null) {
            block.translations = null;
            translations.forEach(Translation::drop);
        }
        instructions -= block.count;
        int bucket = hash(block.physical, block.ip);
        Block previous = null;
        for (Block b = buckets[bucket]; b != null; b = b.nextInBucket) {
            if (b == block) {
                if (previous == null) {
                    buckets[bucket] = b.nextInBucket;
                } else {
                    previous.nextInBucket = b.nextInBucket;
                }
                return;
            }
            previous = b;
        }
    }

    /** Forgets everything. */
    public void clear() {
        for (Block head : buckets) {
            for (Block block = head; block != null; block = block.nextInBucket) {
                retired += block.executions * block.count;
                block.stamp = 0;
            }
        }
        if (c.translator != null) {
            c.translator.clear();
        }
        Arrays.fill(buckets, null);
        Arrays.fill(c.recent, null);
        if (c.alone) {
            pages.forEachPage(page -> c.mmu.memory.removeCode(page, -1));
        }
        pages.clear();
        instructions = 0;
    }

    /** About how many instructions were executed. Exact but for blocks that a fault cut short. */
    public long retired() {
        long sum = c.translator == null ? retired : retired + c.translator.retired();
        for (Block head : buckets) {
            for (Block block = head; block != null; block = block.nextInBucket) {
                sum += block.executions * block.count;
            }
        }
        return sum;
    }

    /** How many blocks were dropped because their code was written. */
    public long dropped() {
        return dropped;
    }

    /** How many instructions are held decoded. */
    public int size() {
        return instructions;
    }
}
