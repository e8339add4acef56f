package dev.vz.architecture.broken.siblings.net;

import dev.vz.architecture.broken.siblings.virtio.GoodQueue;

/** A switch that knows a sibling's queues. */
class BadSwitch {
    Class<?> queue() {
        return GoodQueue.class;
    }
}
