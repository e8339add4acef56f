package dev.vz.emulator.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Which 64-byte pieces of a region's pages hold code that some processor has decoded: one bit each, a 64-bit word for each
 * page. Any thread.
 *
 * <p>
 * With it a processor that writes finds those that have decoded what it writes, so that none executes the old code once the
 * writer has gone on to its next instruction, with which it may tell others of the new code. That rests on four rules.
 * <ol>
 * <li>Who decodes reads the bytes, enters the block in its own lists, {@link #add}s its pieces here, has a full fence, and
 * then compares the bytes once more; only then it executes them. Who writes in a page with code stores, has a full fence, and
 * then {@link #get}s the pieces. Each writes first and reads second, so one of them sees the other: if the writer does not see
 * the pieces, the decoder's comparison comes after the store and it decodes again. If the writer sees them, it has every
 * processor drop its blocks there and waits until they have, which they do between two blocks; a block that was being decoded
 * meanwhile is in the lists already.
 * <li>A processor stores without looking, through its write TLB, only where the word was 0 when it entered the page. Who makes
 * a word other than 0 has every processor take the page out of its write TLBs before it compares the bytes. A processor does so
 * between two instructions, and it looks, enters and stores within one; so each such store has been made before the
 * comparison. Who adds to the word meanwhile has to wait for the same: {@link #add} tells so until {@link #known}.
 * <li>Pieces are taken away only after every processor has dropped its blocks there, or another writer would not look for
 * those who have not yet; and only if nothing was added to the page since before they were asked to, or what was decoded
 * behind the dropping would be missing here. Otherwise they stay, which costs the next writer the same again.
 * <li>A block that is dropped while its processor waits in the midst of it is executed to its end, which ends no later than at
 * an instruction that serializes. Who has learned of new code without one may execute the old (Intel SDM volume 3A, section
 * 9.1.3).
 * </ol>
 * What a processor writes over its own code is seen by its next instruction: it looks before it stores, too, and begins
 * the instruction again, alone, if what it drops is running. Devices do not look; what they have written is found when a block
 * is looked up again after a serializing instruction, a change of page tables or a change of mode.
 */
final class CodeMap {

    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int GROUP = 512;

    /** What is kept of 512 pages, made when first needed. Changed under its own lock. */
    private static final class Group {
        final long[] pieces = new long[GROUP];
        final int[] additions = new int[GROUP];
        /** How many processors wait until all know that the page has code. */
        final int[] unknown = new int[GROUP];
    }

    private final AtomicReferenceArray<@Nullable Group> groups;

    CodeMap(long pages) {
        groups = new AtomicReferenceArray<>(Math.toIntExact((pages + GROUP - 1) / GROUP));
    }

    private @Nullable Group group(long offset) {
        return groups.get((int) (offset >>> 12) / GROUP);
    }

    private static int page(long offset) {
        return (int) (offset >>> 12) % GROUP;
    }

    /** The pieces of the page at {@code offset}. */
    long get(long offset) {
        Group group = group(offset);
        return group == null ? 0 : (long) WORD.getVolatile(group.pieces, page(offset));
    }

    /** Adds pieces. Returns whether all processors have to be told that the page has code; then {@link #known} follows. */
    boolean add(long offset, long bits) {
        Group group = group(offset);
        while (group == null) {
            groups.compareAndSet((int) (offset >>> 12) / GROUP, null, new Group());
            group = group(offset);
        }
        int page = page(offset);
        synchronized (group) {
            group.additions[page]++;
            long before = group.pieces[page];
            WORD.setVolatile(group.pieces, page, before | bits);
            if (before != 0 && group.unknown[page] == 0) {
                return false;
            }
            group.unknown[page]++;
            return true;
        }
    }

    /** All processors have been told. */
    void known(long offset) {
        Group group = group(offset);
        if (group != null) {
            synchronized (group) {
                int page = page(offset);
                group.unknown[page] = Math.max(group.unknown[page] - 1, 0); // 0 if the region went and came meanwhile
            }
        }
    }

    /** How often pieces were added to the page. */
    int additions(long offset) {
        Group group = group(offset);
        if (group == null) {
            return 0;
        }
        synchronized (group) {
            return group.additions[page(offset)];
        }
    }

    /** Takes pieces away. */
    void remove(long offset, long bits) {
        Group group = group(offset);
        if (group != null) {
            synchronized (group) {
                WORD.setVolatile(group.pieces, page(offset), group.pieces[page(offset)] & ~bits);
            }
        }
    }

    /** Takes pieces away if there were no more {@link #additions}. */
    void remove(long offset, long bits, int additions) {
        Group group = group(offset);
        if (group != null) {
            synchronized (group) {
                if (group.additions[page(offset)] == additions) {
                    remove(offset, bits);
                }
            }
        }
    }
}
