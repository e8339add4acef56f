import org.jspecify.annotations.NullMarked;

/**
 * Linux system calls, typed, through the foreign function and memory API.
 *
 * <p>
 * Everything here needs {@code --enable-native-access=dev.vz.linux} (or {@code ALL-UNNAMED} on the class path);
 * {@link dev.vz.linux.NativeAccess} says so when it is missing.
 */
@NullMarked
module dev.vz.linux {
    requires transitive dev.vz.api;
    requires static transitive org.jspecify;

    exports dev.vz.linux;
    exports dev.vz.linux.event;
    exports dev.vz.linux.file;
    exports dev.vz.linux.memory;
    exports dev.vz.linux.network;
    exports dev.vz.linux.ring;
    exports dev.vz.linux.socket;
    exports dev.vz.linux.terminal;
    exports dev.vz.linux.thread;

    provides dev.vz.memory.MemoryAllocator with dev.vz.linux.memory.LinuxMemoryAllocator;
}
