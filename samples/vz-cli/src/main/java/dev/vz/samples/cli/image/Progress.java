package dev.vz.samples.cli.image;

import dev.vz.storage.job.JobControl;
import java.util.Locale;

/** Shows how far a job is, in percent, on one line. */
final class Progress implements JobControl {

    private final Console console;
    private final boolean shown;
    private double last = -1;

    Progress(Console console, boolean shown) {
        this.console = console;
        this.shown = shown;
        if (shown) {
            print(0);
        }
    }

    @Override
    public void progress(long done, long total) {
        double percent = total == 0 ? 100 : 100.0 * done / total;
        if (shown && (percent - last >= 1 || percent >= 100 && last < 100)) {
            print(percent);
        }
    }

    private void print(double percent) {
        last = percent;
        console.out.printf(Locale.ROOT, "    (%3.2f/100%%)\r", percent);
        console.out.flush();
    }

    @Override
    public boolean cancelled() {
        return false;
    }

    /** The job is over. */
    void end() {
        if (shown) {
            if (last < 100) {
                print(100);
            }
            console.out.println();
        }
    }
}
