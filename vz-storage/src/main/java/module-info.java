import org.jspecify.annotations.NullMarked;

/** Disk images as block devices, alone or under a virtual machine. */
@NullMarked
module dev.vz.storage {
    requires transitive dev.vz.api;
    requires dev.vz.linux;
    requires static transitive org.jspecify;
    requires static com.github.luben.zstd_jni;

    exports dev.vz.storage;
    exports dev.vz.storage.block;
    exports dev.vz.storage.file;
    exports dev.vz.storage.filter;
    exports dev.vz.storage.image;
    exports dev.vz.storage.job;
    exports dev.vz.storage.nbd;
    exports dev.vz.storage.parallels;
    exports dev.vz.storage.qcow2;
    exports dev.vz.storage.raw;
    exports dev.vz.storage.ring;
    exports dev.vz.storage.vdi;
    exports dev.vz.storage.vhd;
}
