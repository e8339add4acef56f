package dev.vz.emulator.cpu;

import java.util.Arrays;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** From guest-physical pages to the first block of their lists: open addressing, no boxing. */
final class PageMap {

    private static final long FREE = -1;
    private static final long GONE = -2;

    private long[] keys = new long[1024];
    private @Nullable Block[] values = new Block[1024];
    private int used;

    PageMap() {
        Arrays.fill(keys, FREE);
    }

    private int slot(long page) {
        return (int) (page * 0x9E37_79B9_7F4A_7C15L >>> 40) & keys.length - 1;
    }

    @Nullable
    Block get(long page) {
        for (int i = slot(page);; i = i + 1 & keys.length - 1) {
            if (keys[i] == page) {
                return values[i];
            }
            if (keys[i] == FREE) {
                return null;
            }
        }
    }

    void put(long page, Block block) {
        int free = -1;
        for (int i = slot(page);; i = i + 1 & keys.length - 1) {
            if (keys[i] == page) {
                values[i] = block;
                return;
            }
            if (keys[i] == GONE && free < 0) {
                free = i;
            }
            if (keys[i] == FREE) {
                if (free < 0) {
                    free = i;
                    used++;
                }
                keys[free] = page;
                values[free] = block;
                break;
            }
        }
        if (used > keys.length / 2) {
            grow();
        }
    }

    void remove(long page) {
        for (int i = slot(page);; i = i + 1 & keys.length - 1) {
            if (keys[i] == page) {
                keys[i] = GONE;
                values[i] = null;
                return;
            }
            if (keys[i] == FREE) {
                return;
            }
        }
    }

    private void grow() {
        long[] oldKeys = keys;
        @Nullable
        Block[] oldValues = values;
        int live = 0;
        for (long key : oldKeys) {
            live += key >= 0 ? 1 : 0;
        }
        int size = live > oldKeys.length / 4 ? oldKeys.length * 2 : oldKeys.length;
        keys = new long[size];
        values = new Block[size];
        Arrays.fill(keys, FREE);
        used = 0;
        for (int i = 0; i < oldKeys.length; i++) {
            Block block = oldValues[i];
            if (oldKeys[i] >= 0 && block != null) {
                put(oldKeys[i], block);
            }
        }
    }

    void clear() {
        keys = new long[1024];
        values = new Block[1024];
        Arrays.fill(keys, FREE);
        used = 0;
    }

    void forEachPage(LongConsumer action) {
        for (long key : keys) {
            if (key >= 0) {
                action.accept(key);
            }
        }
    }
}
