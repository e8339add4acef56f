package dev.vz.net.frame;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Frames that wait keep their bytes and nobody else's, within a budget. */
class FrameStoreTest {

    @Property(tries = 50)
    void everyFrameKeepsItsOwnBytes(@ForAll long seed) {
        var random = new Random(seed);
        var store = new FrameStore(4 << 20);
        Map<Integer, byte[]> model = new HashMap<>();
        List<Integer> handles = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            if (random.nextInt(3) > 0) {
                byte[] bytes = new byte[12 + random.nextInt(random.nextInt(20) == 0 ? 65000 : 1600)];
                random.nextBytes(bytes);
                int handle = store.put(MemorySegment.ofArray(bytes), 0, bytes.length);
                if (handle >= 0) {
                    assertThat(model.put(handle, bytes)).isNull();
                    handles.add(handle);
                }
            } else if (!handles.isEmpty()) {
                Integer handle = handles.remove(random.nextInt(handles.size()));
                byte[] kept = store.segment(handle).asSlice(store.offset(handle), store.length(handle))
                        .toArray(ValueLayout.JAVA_BYTE);
                assertThat(kept).isEqualTo(model.remove(handle));
                store.free(handle);
            }
            assertThat(store.used()).isEqualTo(model.size());
            assertThat(store.allocated()).isLessThanOrEqualTo(4 << 20);
        }
    }

    @Test
    void aStoreThatIsFullRefusesAndRecovers() {
        var store = new FrameStore(1 << 20);
        MemorySegment frame = MemorySegment.ofArray(new byte[100]);
        List<Integer> handles = new ArrayList<>();
        for (int handle = store.put(frame, 0, 100); handle >= 0; handle = store.put(frame, 0, 100)) {
            handles.add(handle);
        }
        assertThat(handles).hasSizeGreaterThan(440);
        handles.forEach(store::free);
        assertThat(store.put(frame, 0, 100)).isNotNegative();
        assertThat(store.put(MemorySegment.ofArray(new byte[FrameStore.LARGE + 1]), 0, FrameStore.LARGE + 1))
                .isEqualTo(-1);
    }
}
