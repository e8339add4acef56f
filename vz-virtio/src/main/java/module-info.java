import org.jspecify.annotations.NullMarked;

/** Virtio 1.3: queues, transports, devices, and the same devices over vhost-user. */
@NullMarked
module dev.vz.virtio {
    requires transitive dev.vz.api;
    requires transitive dev.vz.linux;
    requires static transitive org.jspecify;

    exports dev.vz.virtio.balloon;
    exports dev.vz.virtio.block;
    exports dev.vz.virtio.console;
    exports dev.vz.virtio.device;
    exports dev.vz.virtio.entropy;
    exports dev.vz.virtio.fs;
    exports dev.vz.virtio.gpu;
    exports dev.vz.virtio.input;
    exports dev.vz.virtio.mem;
    exports dev.vz.virtio.mmio;
    exports dev.vz.virtio.net;
    exports dev.vz.virtio.pci;
    exports dev.vz.virtio.pmem;
    exports dev.vz.virtio.queue;
    exports dev.vz.virtio.scsi;
    exports dev.vz.virtio.vhost;
    exports dev.vz.virtio.vsock;
}
