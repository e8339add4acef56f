package dev.vz.samples.cli.guest;

import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.LinuxBoot;
import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.KernelModules;
import dev.vz.samples.cli.kit.KitInitramfs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** What a run boots: the kernel, the root file systems laid over each other, the command line. */
final class GuestBoot {

    private GuestBoot() {}

    /** Whether {@code options} make the guest kit's first process run, in its own root file system or the user's. */
    static boolean usesKit(GuestOptions options) {
        return options.exec() != null || options.kernel() == null && options.initrd() == null;
    }

    /**
     * The boot of {@code options}.
     *
     * @param kit      asked only if something of it is needed
     * @param terminal what the guest is told of the terminal
     * @param marker   surrounds the output of {@link GuestOptions#exec()}
     * @param software whether the guest's processors are software
     */
    static LinuxBoot of(GuestOptions options, Supplier<DebianGuestKit> kit, KitInitramfs.Terminal terminal,
            String marker, boolean software) {
        Path kernel = options.kernel();
        // The kit's kernel is known to be packed with LZ4, which the host unpacks faster than a software CPU.
        var boot = LinuxBoot.of(BootFile.of(kernel == null ? kit.get().kernel() : kernel))
                .withUnpack(software && kernel == null);
        Path initrd = options.initrd();
        if (initrd != null) {
            boot = boot.withInitrd(BootFile.of(initrd));
        }
        if (usesKit(options)) {
            String exec = options.exec();
            var first = new KitInitramfs(kit.get().busybox(), terminal,
                    exec == null ? null : new KitInitramfs.Exec(exec, marker),
                    kernel == null ? modules(options, kit.get()) : List.of(), options.devices().setup());
            boot = boot.withInitrd(BootFile.of("the guest kit's root file system", first.archive()));
        }
        return boot.withCommandLine(commandLine(options));
    }

    /** A kernel of the user's has drivers of its own. */
    private static List<Path> modules(GuestOptions options, DebianGuestKit kit) {
        return new KernelModules(kit.modules()).inOrder(options.devices().modules());
    }

    /** A panic resets the machine at once: that is how it can be told from a guest that only waits. */
    static String commandLine(GuestOptions options) {
        var words = new ArrayList<>(List.of("console=ttyS0", "panic=-1"));
        if (!options.verbose()) {
            words.add("quiet");
        }
        if (usesKit(options)) {
            words.add(KitInitramfs.COMMAND_LINE);
        }
        if (!options.append().isBlank()) {
            words.add(options.append().strip());
        }
        return String.join(" ", words);
    }
}
