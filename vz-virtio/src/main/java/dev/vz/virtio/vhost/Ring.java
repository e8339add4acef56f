package dev.vz.virtio.vhost;

import dev.vz.linux.FileDescriptor;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.EventFd;
import org.jspecify.annotations.Nullable;

/** What the front end has said about one queue. Used by the session's thread. */
final class Ring {

    final CallLine call = new CallLine();
    final CallLine error = new CallLine();
    int size;
    long descriptorArea;
    long driverArea;
    long deviceArea;
    boolean addressed;
    int base;
    boolean started;
    boolean enabled;
    private @Nullable EventFd kick;
    private EpollLoop.@Nullable Registration registration;

    /** Runs {@code notify} on {@code loop} whenever {@code descriptor} is kicked. */
    void kick(FileDescriptor descriptor, EpollLoop loop, Runnable notify) {
        dropKick();
        EventFd event = EventFd.adopt(CallLine.nonBlocking(descriptor));
        kick = event;
        registration = loop.register(event.descriptor(), dev.vz.linux.event.Readiness.IN, (found, readiness) -> {
            event.take();
            notify.run();
        });
    }

    void dropKick() {
        EpollLoop.Registration old = registration;
        if (old != null) {
            registration = null;
            old.cancel();
        }
        EventFd event = kick;
        if (event != null) {
            kick = null;
            event.close();
        }
    }

    void reset() {
        dropKick();
        call.replace(null);
        error.replace(null);
        size = 0;
        addressed = false;
        base = 0;
        started = false;
        enabled = false;
    }
}
