package dev.vz.storage.block;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a look at a table of blocks found.
 *
 * @param allocated  blocks that are in the file, each in a place of its own
 * @param fragmented those of them that do not follow the block before them
 * @param end        where the last of them ends, and at least where the first one may start, in bytes of the file
 * @param wrong      numbers of the blocks whose entries cannot be right
 * @param messages   one sentence for each of these, up to a limit
 */
public record BlockCheck(long allocated, long fragmented, long end, List<Integer> wrong, List<String> messages) {

    private static final int MAX_MESSAGES = 1000;

    /** Demands of each block that it starts within the file, behind the metadata, and not within another one. */
    static BlockCheck of(long[] table, BlockTableDriver.Layout layout, long fileSize) {
        List<Integer> wrong = new ArrayList<>();
        List<String> messages = new ArrayList<>();
        int[] inOrder = new int[table.length];
        int count = 0;
        for (int block = 0; block < table.length; block++) {
            long at = table[block];
            if (at == BlockTableDriver.UNALLOCATED || at == BlockTableDriver.ZEROS) {
                continue;
            }
            if (at < layout.dataOffset() || at >= fileSize) {
                tell(wrong, messages, block, at + ", outside of the data from " + layout.dataOffset() + " to "
                        + fileSize);
            } else {
                inOrder[count++] = block;
            }
        }
        return laidOut(table, layout, inOrder, count, wrong, messages);
    }

    private static BlockCheck laidOut(long[] table, BlockTableDriver.Layout layout, int[] candidates, int count,
            List<Integer> wrong, List<String> messages) {
        // Sorted by place, and by number where two claim the same, so that the first one keeps it.
        long[] places = new long[count];
        for (int i = 0; i < count; i++) {
            places[i] = table[candidates[i]];
        }
        long end = layout.dataOffset();
        if (!ascending(places)) {
            Integer[] order = new Integer[count];
            Arrays.setAll(order, i -> i);
            Arrays.sort(order, (a, b) -> Long.compare(places[a], places[b]));
            int[] sorted = new int[count];
            Arrays.setAll(sorted, i -> candidates[order[i]]);
            System.arraycopy(sorted, 0, candidates, 0, count);
        }
        boolean[] bad = new boolean[table.length];
        for (int i = 0; i < count; i++) {
            long at = table[candidates[i]];
            if (i > 0 && at < end) {
                bad[candidates[i]] = true;
                tell(wrong, messages, candidates[i], at + ", where another block is");
            } else {
                end = Math.max(end, at + layout.blockSize());
            }
        }
        wrong.forEach(block -> bad[block] = true);
        long allocated = 0;
        long fragmented = 0;
        long before = 0;
        for (int block = 0; block < table.length; block++) {
            boolean there = table[block] != BlockTableDriver.UNALLOCATED && !bad[block];
            if (there) {
                allocated++;
                fragmented += before != 0 && table[block] != before + layout.blockSize() + layout.prefix() ? 1 : 0;
            }
            before = there ? table[block] : 0;
        }
        return new BlockCheck(allocated, fragmented, end, List.copyOf(wrong), List.copyOf(messages));
    }

    private static boolean ascending(long[] places) {
        for (int i = 1; i < places.length; i++) {
            if (places[i] <= places[i - 1]) {
                return false;
            }
        }
        return true;
    }

    private static void tell(List<Integer> wrong, List<String> messages, int block, String where) {
        wrong.add(block);
        if (messages.size() < MAX_MESSAGES) {
            messages.add("ERROR block " + block + " is said to be at " + where);
        }
    }
}
