package dev.vz.storage.job;

/**
 * Watches a job and may end it. Called between pieces of work, by any of the job's threads, never by two at a time for
 * {@link #progress}.
 */
public interface JobControl {

    /** Lets the job run to its end and hears nothing of it. */
    JobControl NONE = new JobControl() {
        @Override
        public void progress(long done, long total) {
            // Nobody wants to know.
        }

        @Override
        public boolean cancelled() {
            return false;
        }
    };

    /** {@code done} of {@code total} bytes of the disk are dealt with. */
    void progress(long done, long total);

    /** Whether the job should stop where it is. */
    boolean cancelled();
}
