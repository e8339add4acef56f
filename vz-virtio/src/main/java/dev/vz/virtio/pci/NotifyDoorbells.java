package dev.vz.virtio.pci;

import dev.vz.error.VzException;
import dev.vz.irq.Doorbell;
import dev.vz.virtio.device.DeviceHost;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The doorbells at a function's notification addresses, where the back end has such. Without them a notification is a
 * write to the BAR, which works as well and takes longer. Guarded by the bridge, which moves BARs one at a time.
 */
final class NotifyDoorbells implements AutoCloseable {

    private static final Logger LOG = System.getLogger(NotifyDoorbells.class.getName());
    /** Bytes of a notification: the queue's index (4.1.5.2). */
    private static final int WIDTH = 2;

    private final Optional<Doorbell.Registrar> registrar;
    private final DeviceHost host;
    private final List<Doorbell> doorbells = new ArrayList<>();

    NotifyDoorbells(Optional<Doorbell.Registrar> registrar, DeviceHost host) {
        this.registrar = registrar;
        this.host = host;
    }

    /** The first notification address is {@code start} now, the others follow {@code step} bytes apart each. */
    synchronized void move(OptionalLong start, int step) {
        close();
        if (registrar.isEmpty() || start.isEmpty()) {
            return;
        }
        for (int i = 0; i < host.queues(); i++) {
            int queue = i;
            try {
                doorbells.add(registrar.get().register(
                        Doorbell.Address.mmio(start.getAsLong() + (long) step * i, WIDTH),
                        () -> host.notifyQueue(queue)));
            } catch (VzException refused) {
                // The guest may have put two functions at one address; notifications arrive as writes then.
                LOG.log(Level.DEBUG, "No doorbell for queue " + queue + " of " + host, refused);
                return;
            }
        }
    }

    @Override
    public synchronized void close() {
        doorbells.forEach(Doorbell::close);
        doorbells.clear();
    }
}
