package dev.vz.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class VcpuExitTest {

    /** Port 1 gives the bytes of a list, one access after another; port 2 takes them. */
    private static final class Ports implements VcpuExitHandler {
        private final List<Long> values = new ArrayList<>();
        private int next;

        @Override
        public long portRead(int port, int size) {
            return values.get(next++);
        }

        @Override
        public void portWrite(int port, int size, long value) {
            values.add(value);
        }

        @Override
        public long mmioRead(long gpa, int size) {
            return -1;
        }

        @Override
        public void mmioWrite(long gpa, int size, long value) {
            values.add(value);
        }

        @Override
        public boolean exit(VcpuExit exit) {
            return false;
        }
    }

    @Property(tries = 100)
    void handsAStringAccessOnAsSingleAccesses(@ForAll @Size(min = 4, max = 64) byte[] bytes) {
        for (int size : new int[] {1, 2, 4}) {
            int count = bytes.length / size;
            var ports = new Ports();
            ports.portWriteString(2, size, count, MemorySegment.ofArray(bytes));
            assertThat(ports.values).hasSize(count).allSatisfy(v -> assertThat(v >>> 8 * size).isZero());
            var back = new byte[bytes.length];
            ports.portReadString(1, size, count, MemorySegment.ofArray(back));
            assertThat(back).startsWith(java.util.Arrays.copyOf(bytes, size * count));
        }
    }

    @Test
    void doesNotRunOnAfterHaltByItself() {
        assertThat(new Ports().halt()).isFalse();
    }

    @Test
    void tellsAnInternalErrorInFull() {
        var error = new VcpuExit.BackendInternalError(1, List.of(0x1234L, -1L), List.of((byte) 0xF0, (byte) 0x48));
        assertThat(error).hasToString("BackendInternalError[suberror=1 (emulation failed), data=[0x1234, "
                + "0xffffffffffffffff], instruction=f0 48]");
        assertThat(new VcpuExit.BackendInternalError(9, List.of(), List.of()).toString()).contains("unknown suberror");
    }

    @Test
    void copiesWhatItIsGiven() {
        var data = new ArrayList<>(List.of(1L));
        var exit = new VcpuExit.SystemEvent(1, data);
        data.add(2L);
        assertThat(exit.data()).containsExactly(1L);
    }
}
