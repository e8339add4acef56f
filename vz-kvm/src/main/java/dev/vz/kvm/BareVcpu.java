package dev.vz.kvm;

import dev.vz.cpu.x86.InterruptInjection;
import dev.vz.cpu.x86.TscControl;

/** A vCPU whose interrupts the caller injects. */
sealed class BareVcpu extends KvmVcpu implements InterruptInjection {

    BareVcpu(VcpuParts parts) {
        super(parts);
    }

    @Override
    public boolean inject(int vector) {
        return processor().inject(vector);
    }

    @Override
    public void requestInterruptWindow(boolean wanted) {
        processor().requestInterruptWindow(wanted);
    }

    /** The same where the clock's frequency can be set. */
    static final class WithClock extends BareVcpu implements TscControl {
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
