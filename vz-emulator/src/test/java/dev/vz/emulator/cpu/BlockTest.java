package dev.vz.emulator.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** Whether a block's code still lies where it was decoded. */
class BlockTest {

    private static final int LONGEST = 40;

    @Test
    void eachOfItsBytesIsLookedAt() {
        for (int length = 1; length <= LONGEST; length++) {
            for (int here = 1; here <= length; here++) { // as many in its first page
                tryAll(length, here);
            }
        }
    }

    private static void tryAll(int length, int here) {
        byte[] code = new byte[length];
        for (int i = 0; i < length; i++) {
            code[i] = (byte) (i * 37 + 11);
        }
        long physical = 0x5000 - here;
        Block block = new Block(physical, new NoOp(), 1, physical, here < length ? 0x9000 : -1, 0, code);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment first = arena.allocate(here);
            MemorySegment second = arena.allocate(LONGEST);
            MemorySegment.copy(code, 0, first, ValueLayout.JAVA_BYTE, 0, here);
            MemorySegment.copy(code, here, second, ValueLayout.JAVA_BYTE, 0, length - here);
            assertThat(block.isAt(first.address(), second.address())).isTrue();
            for (int i = 0; i < length; i++) {
                MemorySegment page = i < here ? first : second;
                int offset = i < here ? i : i - here;
                page.set(ValueLayout.JAVA_BYTE, offset, (byte) ~code[i]);
                assertThat(block.isAt(first.address(), second.address()))
                        .as("byte %d of %d, %d in the first page", i, length, here).isFalse();
                page.set(ValueLayout.JAVA_BYTE, offset, code[i]);
            }
            second.set(ValueLayout.JAVA_BYTE, length - here, (byte) 0x5A); // behind it: no matter
            assertThat(block.isAt(first.address(), second.address())).isTrue();
        }
    }

    private static final class NoOp extends Op {
        @Override
        public Op execute(Cpu c) {
            throw new AssertionError("nothing is executed here");
        }
    }
}
