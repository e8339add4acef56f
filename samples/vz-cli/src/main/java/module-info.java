import org.jspecify.annotations.NullMarked;

/**
 * The {@code vz} command: what an operator can use without writing Java. A thin shell over the modules; integrators use
 * those, not this.
 */
@NullMarked
module dev.vz.samples.cli {
    requires static org.jspecify;
    requires dev.vz.api;
    // The back ends that Hypervisors finds.
    requires dev.vz.emulator;
    requires dev.vz.kvm;
    requires dev.vz.linux;
    requires dev.vz.machine;
    requires dev.vz.storage;
    requires dev.vz.virtio;
    requires dev.vz.net;
    requires info.picocli;
    requires tools.jackson.core;
    requires com.github.luben.zstd_jni; // for vz-storage, which takes it where it is there
    requires org.apache.commons.compress; // unpacks Debian's kernel on the host
    requires org.tukaani.xz; // the same for the one that is not for virtual machines only

    opens dev.vz.samples.cli to info.picocli;
    opens dev.vz.samples.cli.bench to info.picocli;
    opens dev.vz.samples.cli.device to info.picocli;
    opens dev.vz.samples.cli.nbd to info.picocli;
    opens dev.vz.samples.cli.net to info.picocli;
    opens dev.vz.samples.cli.vhost to info.picocli;
}
