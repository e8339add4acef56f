package dev.vz.storage.file;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** When a file's writes are made on the thread that asks for them, by a clock of the test's. */
class WritePaceTest {

    private static final long MILLISECOND = 1_000_000;

    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5 * MILLISECOND); // which overflows soon
    private final WritePace pace = new WritePace(now::get);

    private void write(long nanos, long bytes) {
        long begun = pace.begin();
        now.addAndGet(nanos);
        pace.written(begun, bytes);
    }

    @Test
    void writesArePromptAtFirstAndAsLongAsTheHostTakesThemAtOnce() {
        assertThat(pace.isPrompt()).isTrue();
        for (int i = 0; i < 20; i++) {
            write(MILLISECOND, 512);
            assertThat(pace.isPrompt()).isTrue();
        }
    }

    @Test
    void aLongWriteMayTakeLonger() {
        write(2 * MILLISECOND, 1 << 20);
        assertThat(pace.isPrompt()).isTrue();
        write(2 * MILLISECOND, 4096);
        assertThat(pace.isPrompt()).isFalse();
    }

    @Test
    void afterASlowWriteOthersMakeTheNextOnesForTenTimesAsLong() {
        write(3 * MILLISECOND, 4096);
        assertThat(pace.isPrompt()).isFalse();
        now.addAndGet(30 * MILLISECOND - 1);
        assertThat(pace.isPrompt()).isFalse();
        now.addAndGet(1);
        assertThat(pace.isPrompt()).isTrue();
    }

    @Test
    void afterAVerySlowWriteForASecondAtTheMost() {
        write(60_000 * MILLISECOND, 4096);
        now.addAndGet(1000 * MILLISECOND - 1);
        assertThat(pace.isPrompt()).isFalse();
        now.addAndGet(1);
        assertThat(pace.isPrompt()).isTrue();
    }
}
