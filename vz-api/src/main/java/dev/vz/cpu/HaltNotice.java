package dev.vz.cpu;

import org.jspecify.annotations.Nullable;

/** What a vCPU can do that waits for interrupts inside {@code run} and tells of it. */
public interface HaltNotice {

    /** Hears when the vCPU has nothing to do. Both are called on the thread that is inside {@code run}. */
    interface Listener {

        /** The vCPU begins to wait for an interrupt, a start-up message or a kick. */
        void halted();

        /** It has something to do again; it goes on when this returns, so this may wait for the vCPU's turn. */
        void resumes();
    }

    /** Calls {@code listener} from the next {@code run} on; {@code null} for nobody. While the vCPU does not run. */
    void onHalt(@Nullable Listener listener);
}
