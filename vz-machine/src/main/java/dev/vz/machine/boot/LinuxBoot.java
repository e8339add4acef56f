package dev.vz.machine.boot;

import java.util.List;

/**
 * How a kernel is to be started.
 *
 * @param kernel      a bzImage or a {@code vmlinux}
 * @param initrds     initial RAM disks, loaded one after the other; Linux unpacks archives that follow each other
 * @param commandLine the kernel's parameters, printable ASCII
 * @param entry       which way in
 * @param unpack      whether a bzImage is unpacked by the host instead of unpacking itself
 */
public record LinuxBoot(BootFile kernel, List<BootFile> initrds, String commandLine, Entry entry, boolean unpack)
        implements
            BootMethod {

    /** The ways into a kernel. */
    public enum Entry {
        /** The 64-bit boot protocol if the kernel has it, which every x86-64 Linux does. */
        AUTO,
        /** The 64-bit boot protocol: RSI points to the zero page. */
        LINUX_64,
        /** PVH: 32-bit protected mode, EBX points to the start info. A bzImage has to be unpacked for it. */
        PVH
    }

    /** Copies the list. */
    public LinuxBoot {
        initrds = List.copyOf(initrds);
    }

    /** {@code kernel} with nothing else. */
    public static LinuxBoot of(BootFile kernel) {
        return new LinuxBoot(kernel, List.of(), "", Entry.AUTO, false);
    }

    /** The same with one more initial RAM disk. */
    public LinuxBoot withInitrd(BootFile initrd) {
        var all = new java.util.ArrayList<>(initrds);
        all.add(initrd);
        return new LinuxBoot(kernel, all, commandLine, entry, unpack);
    }

    /** The same with another command line. */
    public LinuxBoot withCommandLine(String commandLine) {
        return new LinuxBoot(kernel, initrds, commandLine, entry, unpack);
    }

    /** The same through another entry. */
    public LinuxBoot withEntry(Entry entry) {
        return new LinuxBoot(kernel, initrds, commandLine, entry, unpack);
    }

    /** The same unpacked by the host or not. */
    public LinuxBoot withUnpack(boolean unpack) {
        return new LinuxBoot(kernel, initrds, commandLine, entry, unpack);
    }
}
