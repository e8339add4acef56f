package dev.vz.machine;

import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.error.VzException;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.machine.clock.MachineClock;
import dev.vz.memory.GuestMemory;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * What a machine owns, and the order in which it is released: the clock first, so that no timer touches a device that is
 * gone; then the PCI bus with what is plugged into it; then the other devices, the last added first, among them what
 * PCI functions work with; then the processors; the memory last.
 */
final class MachineParts implements AutoCloseable {

    private final String name;
    private final MachineClock clock;
    private final Deque<AutoCloseable> devices = new ArrayDeque<>();
    private @Nullable AutoCloseable bus;
    private @Nullable GuestMemory memory;
    private @Nullable VirtualMachine vm;
    private boolean closed;

    MachineParts(String name, MachineClock clock) {
        this.name = name;
        this.clock = clock;
    }

    GuestMemory own(GuestMemory memory) {
        this.memory = memory;
        return memory;
    }

    void ownBus(AutoCloseable bus) {
        this.bus = bus;
    }

    <R extends AutoCloseable> R own(R resource) {
        devices.push(resource);
        return resource;
    }

    void create(Hypervisor hypervisor, VirtualMachineConfig config) {
        vm = hypervisor.createVirtualMachine(config);
    }

    MachineClock clock() {
        return clock;
    }

    VirtualMachine vm() {
        return present(vm);
    }

    GuestMemory memory() {
        return present(memory);
    }

    private <T> T present(@Nullable T part) {
        if (part == null) {
            throw new LifecycleException("Machine \"" + name + "\" has not been built to the end");
        }
        return part;
    }

    synchronized boolean closed() {
        return closed;
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        Throwable failure = close(bus, close(clock, null));
        while (!devices.isEmpty()) {
            failure = close(devices.pop(), failure);
        }
        failure = close(vm, failure);
        failure = close(memory, failure);
        switch (failure) {
            case null -> {
                // Everything is released.
            }
            case VzException error -> throw error;
            default -> throw new HostException("close", "machine \"" + name + "\"", failure);
        }
    }

    /** Closes after {@code cause}, which stays what the caller hears of. */
    void closeAfter(Throwable cause) {
        try {
            close();
        } catch (VzException further) {
            cause.addSuppressed(further);
        }
    }

    private static @Nullable Throwable close(@Nullable AutoCloseable part, @Nullable Throwable earlier) {
        if (part == null) {
            return earlier;
        }
        try {
            part.close();
            return earlier;
        } catch (Exception failure) {
            if (failure instanceof InterruptedException) {
                Thread.currentThread().interrupt();
            }
            if (earlier == null) {
                return failure;
            }
            earlier.addSuppressed(failure);
            return earlier;
        }
    }
}
