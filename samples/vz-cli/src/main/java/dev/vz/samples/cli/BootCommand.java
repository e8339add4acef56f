package dev.vz.samples.cli;

import dev.vz.hypervisor.Hypervisors;
import dev.vz.samples.cli.device.DiskOption;
import dev.vz.samples.cli.device.GuestDevices;
import dev.vz.samples.cli.device.NetOption;
import dev.vz.samples.cli.device.ShareOption;
import dev.vz.samples.cli.device.VsockOption;
import dev.vz.samples.cli.guest.GuestOptions;
import dev.vz.samples.cli.guest.GuestRun;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vz boot}: boots a Linux guest on this terminal. */
@Command(name = "boot", mixinStandardHelpOptions = true, versionProvider = Vz.Version.class, sortOptions = false, header = "Boots a Linux guest on this terminal.", description = {
    "",
    "Without @|yellow --kernel|@ the guest is the Debian guest kit: an unmodified Debian kernel and busybox, fetched "
            + "with apt-get download into the cache folder on first use.",
    "Leave an interactive guest with its own poweroff or exit, or with Ctrl-A X.",
    ""}, footerHeading = "%n@|bold Examples:|@%n", footer = {
        "  vz boot                                 a shell in a new guest",
        "  vz boot --exec 'uname -a'               one command, its output and its status",
        "  vz boot --cpus 2 --memory 1G --exec nproc --timeout 60",
        "  vz boot --disk root.qcow2,format=qcow2 --disk data.img,readonly=on",
        "  vz boot --net user --share work=$HOME/work --vsock /tmp/guest.sock",
        "  vz boot --kernel bzImage --initrd root.cpio.gz --append 'root=/dev/ram0'", "",
        "@|bold Exit status:|@ 0 the guest powered off; with --exec, the command's status;",
        "  1 it failed (one line on standard error says why); 2 wrong usage."})
final class BootCommand implements Callable<Integer> {

    /** More than any hypervisor here can do; the board's own limit is checked when it is built. */
    private static final int MOST_CPUS = 1024;

    /** Those that a person may ask for even if they are not installed; the answer then says so. */
    private static final Set<String> BACKENDS = Set.of(GuestOptions.AUTOMATIC, "kvm", "emulator");

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = "--backend", paramLabel = "NAME", defaultValue = GuestOptions.AUTOMATIC, description = {
        "What runs the guest: auto, kvm or emulator (default: ${DEFAULT-VALUE}).",
        "auto takes the best one that can run a whole system here."})
    private String backend = GuestOptions.AUTOMATIC;

    @Option(names = "--kernel", paramLabel = "FILE", description = "Linux kernel: a bzImage, or an ELF vmlinux.")
    private @Nullable Path kernel;

    @Option(names = "--initrd", paramLabel = "FILE", description = "Initial root file system: a cpio archive.")
    private @Nullable Path initrd;

    @Option(names = "--append", paramLabel = "TEXT", defaultValue = "", description = {
        "Put behind the kernel's command line.",
        "That starts with console=ttyS0, and quiet unless --verbose is given."})
    private String append = "";

    @Option(names = "--memory", paramLabel = "SIZE", defaultValue = "512M", converter = MemorySize.class, description = "Guest memory, for example 512M or 2G (default: ${DEFAULT-VALUE}).")
    private long memory;

    @Option(names = "--cpus", paramLabel = "N", defaultValue = "1", description = "Virtual processors (default: ${DEFAULT-VALUE}).")
    private int cpus;

    @Option(names = "--disk", paramLabel = "FILE|vhost-user=SOCKET[,KEY=VALUE]...", converter = DiskOption.Converter.class, description = {
        "A disk for the guest (virtio-blk); may be given several times. Keys:",
        "format=raw|qcow2|vdi|vpc|parallels (raw), readonly=on|off, serial=TEXT, queues=N,",
        "cache=writeback|writethrough|unsafe, transport=pci|mmio, packed=on|off.",
        "vhost-user=SOCKET: the disk of a process that listens there, such as qemu-storage-daemon or",
        "vz vhost-user blk, which sees the guest's memory; with queues=, transport= and packed= only.",
        "A comma inside a value is written twice."})
    private List<DiskOption> disks = List.of();

    @Option(names = "--net", paramLabel = "user|tap=IF|switch=SOCKET|network=NAME|vhost-user=SOCKET[,KEY=VALUE]...", converter = NetOption.Converter.class, description = {
        "A network card for the guest (virtio-net); may be given several times.",
        "user: a network of its own with DHCP, names and a way out through this process's sockets;",
        "tap=IF: the host's TAP interface; switch=SOCKET: a switch that listens there, such as vz switch;",
        "network=NAME: a network that vz net has started, which takes root;",
        "vhost-user=SOCKET: a process that listens there and sees the guest's memory, such as vz vhost-user net.",
        "Keys: mac=ADDRESS, transport=pci|mmio, packed=on|off, and",
        "with user loopback=ADDRESS: what the guest calls the host's loopback, for example 10.0.2.4."})
    private List<NetOption> nets = List.of();

    @Option(names = "--share", paramLabel = "TAG=DIR|TAG,vhost-user=SOCKET[,KEY=VALUE]...", converter = ShareOption.Converter.class, description = {
        "A folder of the host's for the guest (virtio-fs); may be given several times.",
        "The guest kit mounts it at /mnt/TAG. Keys: readonly=on|off, transport=pci|mmio, packed=on|off.",
        "vhost-user=SOCKET: the folder of a process that listens there and sees the guest's memory, such as",
        "virtiofsd or vz vhost-user fs; with transport= and packed= only."})
    private List<ShareOption> shares = List.of();

    @Option(names = "--vsock", paramLabel = "SOCKET[,KEY=VALUE]...", converter = VsockOption.Converter.class, description = {
        "Streams between the guest and Unix sockets of the host (virtio-vsock).",
        "Who connects to SOCKET and writes CONNECT PORT reaches that port of the guest.",
        "Keys: cid=N, the guest's address (3); forward=PORT[/PORT]..., ports of the host at which",
        "the guest reaches SOCKET_PORT; transport=pci|mmio, packed=on|off."})
    private @Nullable VsockOption vsock;

    @Option(names = "--exec", paramLabel = "CMD", description = {
        "Run CMD with the guest's shell instead of an interactive one, print what it writes,",
        "end with its exit status. Its standard input is empty."})
    private @Nullable String exec;

    @Option(names = "--timeout", paramLabel = "SECONDS", converter = Seconds.class, description = "End the guest after this time, with status 1.")
    private @Nullable Duration timeout;

    @Option(names = {"-v", "--verbose"}, description = "Show the kernel's messages, and every step.")
    private boolean verbose;

    /** What was asked for. */
    GuestOptions options() {
        if (cpus < 1 || cpus > MOST_CPUS) {
            throw wrong("Invalid value for option '--cpus': " + cpus + " is not between 1 and " + MOST_CPUS);
        }
        if (exec != null && exec.isBlank()) {
            throw wrong("Invalid value for option '--exec': there is no command in it");
        }
        Set<String> backends = new TreeSet<>(BACKENDS);
        Hypervisors.all().forEach(hypervisor -> backends.add(hypervisor.name()));
        if (!backends.contains(backend)) {
            throw wrong("Invalid value for option '--backend': '" + backend + "' is none of " + backends);
        }
        return new GuestOptions(backend, kernel, initrd, append, memory, cpus, exec, timeout, verbose,
                new GuestDevices(disks, nets, shares, vsock));
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    @Override
    public Integer call() {
        return new GuestRun(options()).run();
    }
}
