package dev.vz.kvm;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.irq.Msi;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_irq_level;
import dev.vz.kvm.generated.kvm_irqfd;
import dev.vz.kvm.generated.kvm_msi;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Interrupts of a machine with interrupt controllers in the kernel, as KVM has them: global interrupts (GSIs), routes,
 * messages, and eventfds that raise them. Methods may be called from any thread.
 */
public final class KvmInterrupts {

    private final FileDescriptor machine;
    private final GsiRouting routing;
    private final boolean lines;

    KvmInterrupts(FileDescriptor machine, KvmHost host, boolean lines) {
        this.machine = machine;
        this.lines = lines;
        this.routing = new GsiRouting(machine, lines, Math.max(host.value(KvmCapability.IRQ_ROUTING),
                MachineBuilder.IOAPIC_PINS));
    }

    /** Whether the machine has lines: with the I/O APIC outside the kernel it has messages only. */
    public boolean hasLines() {
        return lines;
    }

    /**
     * Drives global interrupt {@code gsi} and says what came of it (KVM_IRQ_LINE_STATUS).
     *
     * @return more than 0: delivered to as many CPUs; 0: merged with one that is pending; less: nobody listens
     */
    public int setLine(int gsi, boolean high) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_irq_level.allocate(arena);
            kvm_irq_level.irq(s, gsi);
            kvm_irq_level.level(s, high ? 1 : 0);
            Ioctl.checked("ioctl KVM_IRQ_LINE_STATUS of interrupt " + gsi, machine, KvmHeaders.KVM_IRQ_LINE_STATUS(),
                    s);
            return kvm_irq_level.status(s);
        }
    }

    /**
     * Delivers a message now (KVM_SIGNAL_MSI).
     *
     * @return whether a CPU took it
     */
    public boolean signal(Msi message) {
        try (var arena = Arena.ofConfined()) {
            return signal(encode(arena.allocate(kvm_msi.layout()), message));
        }
    }

    /** Delivers a message that {@link #encode} has written. Allocates nothing. */
    boolean signal(MemorySegment message) {
        int result = Ioctl.call(machine, KvmHeaders.KVM_SIGNAL_MSI(), message);
        // What the guest wrote into its device's table may name nobody, or be no message at all.
        if (result < 0 && result != -Errno.EPERM && result != -Errno.EINVAL) {
            throw Errno.failure("ioctl KVM_SIGNAL_MSI", machine, result);
        }
        return result > 0;
    }

    static MemorySegment encode(MemorySegment s, Msi message) {
        kvm_msi.address_lo(s, (int) message.address());
        kvm_msi.address_hi(s, (int) (message.address() >>> 32));
        kvm_msi.data(s, message.data());
        return s;
    }

    /**
     * Takes a global interrupt that leads to {@code message}, for an eventfd to raise.
     *
     * @throws dev.vz.error.CapabilityException if all are in use
     */
    public Route route(Msi message) {
        int gsi = routing.take();
        try {
            routing.set(gsi, message);
            return new Route(gsi);
        } catch (RuntimeException | Error failure) {
            routing.release(gsi);
            throw failure;
        }
    }

    /**
     * With the I/O APIC outside the kernel: what its redirection entry for input {@code pin} says. For a level-triggered
     * one (bit 15 of the data) the end of the interrupt then leaves the guest as {@link dev.vz.cpu.VcpuExit.IoapicEoi}.
     */
    public void routePin(int pin, Msi message) {
        checkPin(pin);
        routing.set(pin, message);
    }

    /** The redirection entry for input {@code pin} is masked. */
    public void unroutePin(int pin) {
        checkPin(pin);
        routing.clear(pin);
    }

    private void checkPin(int pin) {
        if (lines || pin < 0 || pin >= MachineBuilder.IOAPIC_PINS) {
            throw new ConfigurationException("Input " + pin + " of the I/O APIC of " + machine + " cannot be routed: "
                    + (lines ? "the I/O APIC is in the kernel" : "there are inputs 0 to 23"));
        }
    }

    /**
     * Makes a signal of {@code eventFd} raise {@code gsi}: one edge for each (KVM_IRQFD).
     *
     * @param eventFd an eventfd of the caller's, which stays open longer than the assignment
     */
    public void assign(int gsi, int eventFd) {
        irqfd("assign", gsi, eventFd, 0, null);
    }

    /**
     * Makes a signal of {@code eventFd} raise level-triggered {@code gsi} until the guest ends the interrupt; then it is
     * lowered and {@code resampleFd} is signalled.
     */
    public void assignResampled(int gsi, int eventFd, int resampleFd) {
        irqfd("assign resampled", gsi, eventFd, KvmHeaders.KVM_IRQFD_FLAG_RESAMPLE(), resampleFd);
    }

    /** Ends what {@link #assign} or {@link #assignResampled} began; when it returns no signal is on its way any more. */
    public void deassign(int gsi, int eventFd) {
        irqfd("deassign", gsi, eventFd, KvmHeaders.KVM_IRQFD_FLAG_DEASSIGN(), null);
    }

    private void irqfd(String what, int gsi, int eventFd, int flags, @Nullable Integer resampleFd) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_irqfd.allocate(arena);
            kvm_irqfd.fd(s, eventFd);
            kvm_irqfd.gsi(s, gsi);
            kvm_irqfd.flags(s, flags);
            kvm_irqfd.resamplefd(s, resampleFd == null ? 0 : resampleFd);
            int result = Ioctl.call(machine, KvmHeaders.KVM_IRQFD(), s);
            if (result == -Errno.EBUSY) {
                throw new ConfigurationException("Descriptor " + eventFd + " raises an interrupt of " + machine
                        + " already");
            }
            if (result < 0) {
                throw new HostException(
                        "ioctl KVM_IRQFD to " + what + " descriptor " + eventFd + " to interrupt " + gsi,
                        machine.toString(), -result, Errno.name(-result),
                        result == -Errno.EBADF || result == -Errno.EINVAL
                                ? "the descriptor must be an eventfd" : null);
            }
        }
    }

    /** A global interrupt that leads to a message. Thread-safe. */
    public final class Route implements AutoCloseable {
        private final int gsi;
        private boolean closed;

        private Route(int gsi) {
            this.gsi = gsi;
        }

        /** Its number. */
        public int gsi() {
            return gsi;
        }

        /** Makes it lead to {@code message} from now on. */
        public synchronized void update(Msi message) {
            if (!closed) {
                routing.set(gsi, message);
            }
        }

        /** Gives the number back. Eventfds that raise it have been taken away before. */
        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                routing.release(gsi);
            }
        }
    }
}
