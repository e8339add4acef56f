package dev.vz.samples.cli.bench;

import dev.vz.error.GuestException;
import dev.vz.samples.cli.device.DiskOption;
import dev.vz.samples.cli.device.GuestDevices;
import dev.vz.samples.cli.device.NetOption;
import dev.vz.samples.cli.kit.CacheFolder;
import dev.vz.samples.cli.kit.CpioArchive;
import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.KernelModules;
import dev.vz.samples.cli.kit.KitInitramfs;
import dev.vz.samples.cli.kit.Progress;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The guest whose disk and network are measured, and the ways to run it. Its files are in a folder of the caller's. */
final class LoadGuest {

    private static final int IMAGE = 256 << 20;
    private static final int CHUNK = 1 << 20;
    /** Beside what the measurements take: to boot, on a busy host. */
    private static final int BOOT_SECONDS = 120;
    /** What a guest of vz calls the host's loopback, and what one of QEMU's calls it. */
    private static final String HOST_OF_VZ = "10.0.2.4";
    private static final String HOST_OF_QEMU = "10.0.2.2";
    private static final String MARKER = "vz-bench";

    private final List<GuestBench.Load> loads;
    private final int warmUp;
    private final int seconds;
    private final int cpus;
    private final int port;
    private final Path image;
    private final Path programs;
    private final Path initrd;
    private final Path console;
    private final DebianGuestKit kit;

    /** Makes its files in {@code folder}; {@code port} is at the host's loopback. */
    LoadGuest(Path folder, List<GuestBench.Load> loads, int warmUp, int seconds, int cpus, int port)
            throws IOException, InterruptedException {
        this.loads = loads;
        this.warmUp = warmUp;
        this.seconds = seconds;
        this.cpus = cpus;
        this.port = port;
        kit = DebianGuestKit.in(CacheFolder.of(System.getenv()), Progress.SILENT);
        console = folder.resolve("console");
        image = folder.resolve("image");
        try (OutputStream out = Files.newOutputStream(image)) {
            var chunk = new byte[CHUNK];
            new Random(1).nextBytes(chunk);
            for (int i = 0; i < IMAGE / CHUNK; i++) {
                out.write(chunk);
            }
        }
        programs = programs(folder);
        initrd = folder.resolve("initrd");
    }

    private Path programs(Path folder) throws IOException, InterruptedException {
        Path source = folder.resolve("load.c");
        Path program = folder.resolve("load");
        try (InputStream in = LoadGuest.class.getResourceAsStream("load.c")) {
            Files.write(source, Objects.requireNonNull(in).readAllBytes());
        }
        Path log = folder.resolve("build.log");
        Process compiler = Peer.start(new ProcessBuilder("gcc", "-O2", "-Wall", "-Werror", "-static", "-pthread", "-o",
                program.toString(), source.toString()).redirectErrorStream(true).redirectOutput(log.toFile()));
        if (compiler.waitFor() != 0) {
            throw new GuestException("Building the guest's program: gcc ended with " + compiler.exitValue()
                    + " and said: " + Files.readString(log).strip());
        }
        Path file = folder.resolve("programs");
        try (OutputStream out = Files.newOutputStream(file)) {
            new CpioArchive(out).directory("bin", 0755).file("bin/load", 0755, program).finish();
        }
        return file;
    }

    private String script(String host) {
        return loads.stream()
                .map(load -> "echo " + load + " $(load " + (load.disk ? "disk" : "net") + " " + warmUp + " "
                        + seconds + " " + (load.disk ? "/dev/vda" : host + " " + port) + " " + load.words + ")")
                .collect(Collectors.joining("\n", "set -e\n", "\n"));
    }

    /** Runs on the software CPU; {@code self} is how vz is started. Bytes per second of every load. */
    Map<GuestBench.Load, Double> vz(List<String> self) throws IOException, InterruptedException {
        return run(Stream.concat(self.stream(), Stream.of("boot", "--backend", "emulator", "--cpus",
                Integer.toString(cpus), "--initrd", programs.toString(), "--disk", image.toString(), "--net",
                "user,loopback=" + HOST_OF_VZ, "--exec", script(HOST_OF_VZ))).toList());
    }

    /** Runs on QEMU. Bytes per second of every load. */
    Map<GuestBench.Load, Double> qemu() throws IOException, InterruptedException {
        GuestDevices devices = GuestDevices.NONE.withDisks(List.of(DiskOption.parse(image.toString())))
                .withNets(List.of(NetOption.parse("user")));
        try (OutputStream out = Files.newOutputStream(initrd)) {
            Files.copy(programs, out);
            out.write(new KitInitramfs(kit.busybox(), KitInitramfs.Terminal.UNKNOWN,
                    new KitInitramfs.Exec(script(HOST_OF_QEMU), MARKER),
                    new KernelModules(kit.modules()).inOrder(devices.modules()), devices.setup()).archive());
        }
        return run(List.of("qemu-system-x86_64", "-accel", "tcg", "-m", "512", "-smp", Integer.toString(cpus),
                "-nodefaults", "-display", "none", "-no-reboot", "-serial", "null", "-serial", "stdio", "-drive",
                "if=none,id=disk,format=raw,file=" + image, "-device", "virtio-blk-pci,drive=disk", "-netdev",
                "user,id=net", "-device", "virtio-net-pci,netdev=net", "-object",
                "rng-random,id=rng,filename=/dev/urandom",
                "-device", "virtio-rng-pci,rng=rng", "-kernel", kit.kernel().toString(), "-initrd",
                initrd.toString(), "-append", "console=ttyS0 panic=-1 quiet " + KitInitramfs.COMMAND_LINE));
    }

    private Map<GuestBench.Load, Double> run(List<String> command) throws IOException, InterruptedException {
        Path said = console.resolveSibling("said");
        Process process = Peer.start(new ProcessBuilder(command).redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(said.toFile()).redirectError(console.toFile()));
        try {
            if (!process.waitFor(BOOT_SECONDS + 3L * (warmUp + seconds) * loads.size(), TimeUnit.SECONDS)) {
                throw new GuestException("The guest of " + command.getFirst() + " does not end; " + ends(said));
            }
        } finally {
            process.destroyForcibly();
        }
        String text = Files.readString(said, StandardCharsets.ISO_8859_1);
        var rates = new EnumMap<GuestBench.Load, Double>(GuestBench.Load.class);
        for (GuestBench.Load load : loads) {
            Matcher matcher = Pattern.compile("(?m)^" + load + " ([0-9]+)\\r?$").matcher(text);
            if (process.exitValue() != 0 || !matcher.find()) {
                throw new GuestException("The guest of " + command.getFirst() + " did not measure " + load.title
                        + " (status " + process.exitValue() + "); " + ends(said));
            }
            rates.put(load, Double.valueOf(matcher.group(1)));
        }
        return rates;
    }

    private String ends(Path said) throws IOException {
        String text = Files.readString(said, StandardCharsets.ISO_8859_1)
                + Files.readString(console, StandardCharsets.ISO_8859_1);
        return "the end of what it said: " + text.substring(Math.max(0, text.length() - 500)).strip();
    }
}
