import org.jspecify.annotations.NullMarked;

/** Disk images as block devices, alone or under a virtual machine. */
@NullMarked
module dev.vz.storage {
    requires transitive dev.vz.api;
    requires dev.vz.linux;
    requires static transitive org.jspecify;
    requires static com.github.luben.zstd_jni;
    requires static org.apache.commons.compress;

    exports dev.vz.storage;
    exports dev.vz.storage.block;
    exports dev.vz.storage.bochs;
    exports dev.vz.storage.cloop;
    exports dev.vz.storage.dmg;
    exports dev.vz.storage.file;
    exports dev.vz.storage.filter;
    exports dev.vz.storage.image;
    exports dev.vz.storage.job;
    exports dev.vz.storage.luks;
    exports dev.vz.storage.nbd;
    exports dev.vz.storage.parallels;
    exports dev.vz.storage.qcow2;
    exports dev.vz.storage.qed;
    exports dev.vz.storage.raw;
    exports dev.vz.storage.ring;
    exports dev.vz.storage.vdi;
    exports dev.vz.storage.vhd;
    exports dev.vz.storage.vhdx;
    exports dev.vz.storage.vmdk;
}
