package dev.vz.kvm;

import dev.vz.error.LifecycleException;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.Readiness;
import java.lang.System.Logger.Level;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A machine's one thread for what the kernel signals through eventfds, started with the first of them, and the list of
 * what still has to be released when the machine ends.
 */
final class MachineEvents implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger(MachineEvents.class.getName());

    private final String name;
    private final Set<AutoCloseable> open = new LinkedHashSet<>();
    private @Nullable EpollLoop loop;
    private boolean closed;

    MachineEvents(String machine) {
        this.name = "kvm-events-" + machine;
    }

    /** Runs {@code listener} on the thread whenever {@code event} is signalled, until the registration is cancelled. */
    synchronized EpollLoop.Registration listen(EventFd event, Runnable listener) {
        requireOpen();
        EpollLoop running = loop;
        if (running == null) {
            running = new EpollLoop(name);
            running.start();
            loop = running;
        }
        var guarded = new Guarded(listener);
        return running.register(event.descriptor(), Readiness.IN, (registration, readiness) -> {
            // Taken before the listener looks at its queue: what is signalled from here on signals again.
            event.take();
            guarded.run();
        });
    }

    /** The machine will close {@code resource} if nobody has by then. */
    synchronized <T extends AutoCloseable> T keep(T resource) {
        requireOpen();
        open.add(resource);
        return resource;
    }

    /** {@code resource} is closed. */
    synchronized void forget(AutoCloseable resource) {
        open.remove(resource);
    }

    private void requireOpen() {
        if (closed) {
            throw new LifecycleException("The machine of " + name + " is closed; it takes no further interrupts, "
                    + "doorbells or messages");
        }
    }

    @Override
    public void close() {
        Set<AutoCloseable> left;
        EpollLoop running;
        synchronized (this) {
            closed = true;
            left = Set.copyOf(open);
            running = loop;
            loop = null;
        }
        RuntimeException failure = null;
        for (AutoCloseable resource : left) {
            try {
                resource.close();
            } catch (Exception thrown) {
                if (failure == null) {
                    failure = new IllegalStateException("Closing " + resource + " failed", thrown);
                } else {
                    failure.addSuppressed(thrown);
                }
            }
        }
        if (running != null) {
            running.close();
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** A device that throws loses that one call, not its doorbell; a guest could make it throw at will. */
    private record Guarded(Runnable listener, boolean[] told) implements Runnable {
        Guarded(Runnable listener) {
            this(listener, new boolean[1]);
        }

        @Override
        public void run() {
            try {
                listener.run();
            } catch (RuntimeException failure) {
                if (!told[0]) {
                    told[0] = true;
                    LOGGER.log(Level.ERROR, "The listener " + listener + " failed; further failures are not logged",
                            failure);
                }
            }
        }
    }
}
