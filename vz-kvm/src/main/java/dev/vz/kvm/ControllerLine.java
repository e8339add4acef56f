package dev.vz.kvm;

import dev.vz.irq.InterruptLine;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_irq_level;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.EventFd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The wire to one input of the controllers in the kernel.
 *
 * <p>
 * Without a listener it is driven by KVM_IRQ_LINE. With one, high is a signal to a resampling irqfd: the kernel lowers
 * the wire at the end of the interrupt, before it looks at it again, and tells. The kernel has no call that lowers such a
 * wire earlier; taking the irqfd away does, and it is put back at once.
 */
class ControllerLine implements InterruptLine {

    private final FileDescriptor machine;
    private final MemorySegment high;
    private final MemorySegment low;

    ControllerLine(FileDescriptor machine, int gsi) {
        this.machine = machine;
        this.high = level(gsi, 1);
        this.low = level(gsi, 0);
    }

    private static MemorySegment level(int gsi, int level) {
        MemorySegment s = kvm_irq_level.allocate(Arena.ofAuto());
        kvm_irq_level.irq(s, gsi);
        kvm_irq_level.level(s, level);
        return s;
    }

    @Override
    public void set(boolean high) {
        Ioctl.checked("ioctl KVM_IRQ_LINE", machine, KvmHeaders.KVM_IRQ_LINE(), high ? this.high : low);
    }

    /** Where the kernel has resampling irqfds. */
    static final class WithResampling extends ControllerLine implements Resampled, AutoCloseable {
        private final KvmInterrupts interrupts;
        private final MachineEvents events;
        private final int gsi;
        private final List<Runnable> listeners = new ArrayList<>();
        private boolean level;
        private @Nullable EventFd trigger;
        private @Nullable EventFd resample;
        private EpollLoop.@Nullable Registration registration;

        WithResampling(FileDescriptor machine, KvmInterrupts interrupts, MachineEvents events, int gsi) {
            super(machine, gsi);
            this.interrupts = interrupts;
            this.events = events;
            this.gsi = gsi;
        }

        @Override
        public synchronized void set(boolean high) {
            EventFd raising = trigger;
            EventFd told = resample;
            if (raising == null || told == null) {
                level = high;
                super.set(high);
            } else if (high) {
                level = true;
                raising.signal();
            } else if (level) {
                // High since it was last lowered here; the guest may have ended it meanwhile, which nobody can know.
                level = false;
                interrupts.deassign(gsi, raising.descriptor().value());
                raising.take();
                interrupts.assignResampled(gsi, raising.descriptor().value(), told.descriptor().value());
            }
        }

        @Override
        public synchronized void onEndOfInterrupt(Runnable listener) {
            if (trigger == null) {
                startResampling();
            }
            listeners.add(listener);
        }

        private void startResampling() {
            EventFd raising = EventFd.nonBlocking();
            EventFd told = EventFd.nonBlocking();
            EpollLoop.Registration listening = null;
            try {
                listening = events.listen(told, this::ended);
                interrupts.assignResampled(gsi, raising.descriptor().value(), told.descriptor().value());
                events.keep(this);
            } catch (RuntimeException | Error failure) {
                if (listening != null) {
                    listening.cancel();
                }
                raising.close();
                told.close();
                throw failure;
            }
            if (level) {
                // From one way of driving it to the other, without a moment of low.
                raising.signal();
                super.set(false);
            }
            trigger = raising;
            resample = told;
            registration = listening;
        }

        private void ended() {
            List<Runnable> now;
            synchronized (this) {
                now = List.copyOf(listeners);
            }
            now.forEach(Runnable::run);
        }

        /** With the machine. */
        @Override
        public void close() {
            EpollLoop.Registration listening = registration;
            if (listening != null) {
                listening.cancel();
            }
            synchronized (this) {
                events.forget(this);
                if (trigger != null && resample != null) {
                    interrupts.deassign(gsi, trigger.descriptor().value());
                    trigger.close();
                    resample.close();
                    trigger = null;
                    resample = null;
                }
            }
        }

        @Override
        public String toString() {
            return "interrupt line " + gsi;
        }
    }
}
