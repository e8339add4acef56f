package dev.vz.storage.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.testing.ModelDisk;
import dev.vz.storage.testing.RecordingFile;
import org.junit.jupiter.api.Test;

/** A mirror that is stopped goes on in another process with what its file says. */
class SavedMarksTest {

    private static final int SIZE = 8 << 20;
    private static final int UNIT = 64 * 1024;

    /** Lets a job copy so many bytes. */
    private static JobControl upTo(long enough) {
        return new JobControl() {
            private long done;

            @Override
            public void progress(long done, long total) {
                this.done = done;
            }

            @Override
            public boolean cancelled() {
                return done >= enough;
            }
        };
    }

    private static RecordingFile again(RecordingFile file) {
        return RecordingFile.of(file.contents());
    }

    @Test
    void aMirrorThatWasStoppedCopiesOnlyWhatWasLeft() {
        var model = new ModelDisk(SIZE);
        var source = MemoryBlockDevice.ofSize(SIZE);
        var target = MemoryBlockDevice.ofSize(SIZE);
        model.write(source, 0, SIZE, 1);
        var file = new RecordingFile();
        SavedMarks first = SavedMarks.open(file, SIZE, UNIT, false);
        assertThat(first.continued()).isFalse();
        var stopped = new DiskMirror(source, target, first.marks());
        assertThatThrownBy(() -> stopped.run(0, upTo(5 << 20))).isInstanceOf(LifecycleException.class);
        model.write(stopped.device(), 100, 1000, 2);
        first.close();
        try (SavedMarks second = SavedMarks.open(again(file), SIZE, UNIT, false)) {
            assertThat(second.continued()).isTrue();
            assertThat(second.marks().marked()).isEqualTo((3 << 20) + UNIT);
            var mirror = new DiskMirror(source, target, second.marks());
            mirror.run(0, JobControl.NONE);
            model.check(target);
        }
    }

    @Test
    void whatWasNotClosedIsNotReliedOnUnlessTheSourceCannotChange() {
        var file = new RecordingFile();
        try (SavedMarks marks = SavedMarks.open(file, SIZE, UNIT, false)) {
            marks.marks().clear(0, 1 << 20);
        }
        RecordingFile kept = again(file);
        SavedMarks.open(kept, SIZE, UNIT, false).marks().clear(1 << 20, 1 << 20); // and never closed
        assertThat(SavedMarks.open(again(kept), SIZE, UNIT, true).marks().marked()).isEqualTo(7 << 20);
        assertThat(SavedMarks.open(again(kept), SIZE, UNIT, false).marks().marked()).isEqualTo(SIZE);
    }

    @Test
    void damageMeansThatEverythingIsCopiedAndAnotherDiskIsRefused() {
        var file = new RecordingFile();
        try (SavedMarks marks = SavedMarks.open(file, SIZE, UNIT, false)) {
            marks.marks().clear(0, SIZE / 2);
        }
        byte[] damaged = file.contents();
        damaged[damaged.length - 1] ^= 4;
        assertThat(SavedMarks.open(RecordingFile.of(damaged), SIZE, UNIT, true).marks().marked()).isEqualTo(SIZE);
        byte[] longer = file.contents();
        longer[25] = 127;
        assertThat(SavedMarks.open(RecordingFile.of(longer), SIZE, UNIT, true).marks().marked()).isEqualTo(SIZE);
        assertThatThrownBy(() -> SavedMarks.open(again(file), SIZE * 2L, UNIT, false)).isInstanceOf(
                ConfigurationException.class).hasMessageContaining("not of one of 16777216");
        assertThatThrownBy(() -> SavedMarks.open(RecordingFile.of(new byte[600]), SIZE, UNIT, false)).isInstanceOf(
                ConfigurationException.class).hasMessageContaining("no marks");
    }
}
