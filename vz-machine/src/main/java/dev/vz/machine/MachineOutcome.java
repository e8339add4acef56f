package dev.vz.machine;

import dev.vz.cpu.VcpuExit;
import dev.vz.error.VzException;
import java.util.Optional;

/** How a machine's run ended. */
public sealed interface MachineOutcome {

    /** The guest switched itself off. */
    record PoweredOff() implements MachineOutcome {}

    /**
     * The guest reset the machine, whose description says that this ends it.
     *
     * @param source through what, for example {@code "port 0xcf9"}
     */
    record Reset(String source) implements MachineOutcome {}

    /**
     * A test program ended the run.
     *
     * @param value what it wrote to the debug exit port
     */
    record DebugExit(int value) implements MachineOutcome {
        /** The status of a process that QEMU's device of this kind would end with: {@code value << 1 | 1}. */
        public int processStatus() {
            return value << 1 | 1;
        }
    }

    /**
     * The run could not go on.
     *
     * @param vcpu  the processor it happened on; -1 where it was none
     * @param exit  the exit that ended it, if it was one
     * @param error what went wrong, in words
     */
    record Crashed(int vcpu, Optional<VcpuExit> exit, VzException error) implements MachineOutcome {}

    /** Somebody stopped it from outside. */
    record Stopped() implements MachineOutcome {}
}
