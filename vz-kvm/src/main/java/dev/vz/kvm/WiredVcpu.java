package dev.vz.kvm;

import dev.vz.cpu.x86.TscControl;

/** A vCPU whose interrupts come from controllers in the kernel. */
sealed class WiredVcpu extends KvmVcpu {

    WiredVcpu(VcpuParts parts) {
        super(parts);
    }

    /** The same where the clock's frequency can be set. */
    static final class WithClock extends WiredVcpu implements TscControl {
        WithClock(VcpuParts parts) {
            super(parts);
        }

        @Override
        public long tscKilohertz() {
            return processor().tscKilohertz();
        }

        @Override
        public void setTscKilohertz(long kilohertz) {
            processor().setTscKilohertz(kilohertz);
        }
    }
}
