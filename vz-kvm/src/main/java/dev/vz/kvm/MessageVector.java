package dev.vz.kvm;

import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import dev.vz.kvm.generated.kvm_msi;
import dev.vz.linux.event.EventFd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A prepared message. From this process it is sent with one KVM_SIGNAL_MSI; a route and an eventfd are made when
 * somebody asks for a descriptor, because each route makes every later change of the routing table longer.
 */
final class MessageVector implements MsiSink.Vector {

    private final KvmInterrupts interrupts;
    private final MachineEvents events;
    /** Never changed once it is here: a message that is being sent is not overwritten half-way. */
    private volatile MemorySegment encoded;
    private Msi message;
    private KvmInterrupts.@Nullable Route route;
    private @Nullable EventFd event;
    private boolean closed;

    MessageVector(KvmInterrupts interrupts, MachineEvents events, Msi message) {
        this.interrupts = interrupts;
        this.events = events;
        this.message = message;
        this.encoded = encode(message);
        events.keep(this);
    }

    private static MemorySegment encode(Msi message) {
        return KvmInterrupts.encode(Arena.ofAuto().allocate(kvm_msi.layout()), message);
    }

    @Override
    public void trigger() {
        interrupts.signal(encoded);
    }

    @Override
    public synchronized void update(Msi message) {
        this.message = message;
        encoded = encode(message);
        if (route != null) {
            route.update(message);
        }
    }

    @Override
    public synchronized OptionalInt eventFd() {
        if (closed) {
            return OptionalInt.empty();
        }
        EventFd existing = event;
        if (existing != null) {
            return OptionalInt.of(existing.descriptor().value());
        }
        EventFd made = EventFd.nonBlocking();
        try {
            KvmInterrupts.Route leading = interrupts.route(message);
            try {
                interrupts.assign(leading.gsi(), made.descriptor().value());
            } catch (RuntimeException | Error failure) {
                leading.close();
                throw failure;
            }
            route = leading;
            event = made;
            return OptionalInt.of(made.descriptor().value());
        } catch (RuntimeException | Error failure) {
            made.close();
            throw failure;
        }
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        events.forget(this);
        if (event != null && route != null) {
            interrupts.deassign(route.gsi(), event.descriptor().value());
            route.close();
            event.close();
        }
    }

    @Override
    public synchronized String toString() {
        return "vector of " + message;
    }
}
