package dev.vz.kvm;

import dev.vz.error.ConfigurationException;
import dev.vz.irq.Doorbell;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_ioeventfd;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.EventFd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** KVM_IOEVENTFD: writes that the kernel turns into an eventfd's signal without leaving the guest for this process. */
final class Doorbells {

    private final FileDescriptor machine;
    private final MachineEvents events;

    Doorbells(FileDescriptor machine, MachineEvents events) {
        this.machine = machine;
        this.events = events;
    }

    Doorbell register(Doorbell.Address address, Runnable listener) {
        EventFd event = EventFd.nonBlocking();
        try {
            EpollLoop.Registration registration = events.listen(event, listener);
            try {
                assign(address, event.descriptor().value(), 0);
                return events.keep(new Assigned(address, event.descriptor().value(), event, registration));
            } catch (RuntimeException | Error failure) {
                registration.cancel();
                throw failure;
            }
        } catch (RuntimeException | Error failure) {
            event.close();
            throw failure;
        }
    }

    Doorbell registerDescriptor(Doorbell.Address address, int eventFd) {
        assign(address, eventFd, 0);
        return events.keep(new Assigned(address, eventFd, null, null));
    }

    private void assign(Doorbell.Address address, int eventFd, int flags) {
        int width = (int) address.range().length();
        long mask = -1L >>> 64 - 8 * width;
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_ioeventfd.allocate(arena);
            kvm_ioeventfd.addr(s, address.range().start());
            kvm_ioeventfd.len(s, width);
            kvm_ioeventfd.fd(s, eventFd);
            int all = flags;
            if (address.space() == Doorbell.Space.PORT) {
                all |= KvmHeaders.KVM_IOEVENTFD_FLAG_PIO();
            }
            if (address.match().isPresent()) {
                all |= KvmHeaders.KVM_IOEVENTFD_FLAG_DATAMATCH();
                kvm_ioeventfd.datamatch(s, address.match().getAsLong() & mask);
            }
            kvm_ioeventfd.flags(s, all);
            int result = Ioctl.call(machine, KvmHeaders.KVM_IOEVENTFD(), s);
            if (result == -Errno.EEXIST) {
                throw new ConfigurationException("There is a doorbell at " + address + " of " + machine + " already");
            }
            Errno.check("ioctl KVM_IOEVENTFD at " + address, machine, result);
        }
    }

    private final class Assigned implements Doorbell {
        private final Address address;
        private final int descriptor;
        private final @Nullable EventFd event;
        private final EpollLoop.@Nullable Registration registration;
        private final AtomicBoolean closed = new AtomicBoolean();

        Assigned(Address address, int descriptor, @Nullable EventFd event,
                EpollLoop.@Nullable Registration registration) {
            this.address = address;
            this.descriptor = descriptor;
            this.event = event;
            this.registration = registration;
        }

        @Override
        public Address address() {
            return address;
        }

        @Override
        public OptionalInt eventFd() {
            return OptionalInt.of(descriptor);
        }

        @Override
        public void close() {
            if (!closed.compareAndSet(false, true)) {
                return;
            }
            events.forget(this);
            assign(address, descriptor, KvmHeaders.KVM_IOEVENTFD_FLAG_DEASSIGN());
            if (registration != null) {
                registration.cancel();
            }
            if (event != null) {
                event.close();
            }
        }

        @Override
        public String toString() {
            return "doorbell at " + address;
        }
    }
}
