package dev.vz.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** What an MSI-X table keeps over a snapshot. */
class MsixStateTest {

    private final List<Msi> sent = new ArrayList<>();

    private final class Sink implements MsiSink {
        @Override
        public boolean signal(Msi message) {
            return sent.add(message);
        }

        @Override
        public Vector vector(Msi message) {
            return new Vector() {
                @Override
                public void trigger() {
                    sent.add(message);
                }

                @Override
                public void update(Msi next) {
                    throw new AssertionError("a fresh table has nothing to update");
                }

                @Override
                public OptionalInt eventFd() {
                    return OptionalInt.empty();
                }

                @Override
                public void close() {
                    // Nothing is held.
                }
            };
        }
    }

    @Test
    void entriesMasksAndPendingVectorsComeBack() {
        var table = new MsixTable(70, new Sink());
        table.control(true, false);
        table.table().write(69 * 16, 4, 0xFEE0_1000L);
        table.table().write(69 * 16 + 8, 4, 0x41);
        table.trigger(69);
        MsixState state = table.save();
        assertThat(state.pending()).containsExactly(0L, 1L << 5);
        var twin = new MsixTable(70, new Sink());
        twin.restore(state);
        assertThat(twin.save()).isEqualTo(state);
        assertThat(sent).as("still masked").isEmpty();
        twin.table().write(69 * 16 + 12, 4, 0);
        assertThat(sent).containsExactly(new Msi(0xFEE0_1000L, 0x41));
    }

    @Test
    void aStateOfAnotherNumberOfVectorsIsRefused() {
        var table = new MsixTable(2, new Sink());
        MsixState state = new MsixTable(3, new Sink()).save();
        assertThatThrownBy(() -> table.restore(state)).isInstanceOf(FormatException.class)
                .hasMessageContaining("3 vectors, the table 2");
    }

    @Test
    void bitsOfVectorsThatDoNotExistAreDropped() {
        var table = new MsixTable(2, new Sink());
        MsixState empty = table.save();
        table.restore(new MsixState(empty.entries(), List.of(-1L), true, true));
        assertThat(table.save().pending()).containsExactly(3L);
    }
}
