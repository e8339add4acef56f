package dev.vz.samples.cli.nested;

import dev.vz.samples.cli.kit.CpioArchive;
import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.KernelModules;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * A guest with hardware virtualization that runs the {@code vz} command: the Debian kernel with its KVM modules, busybox,
 * Java with our modules, and the guest kit for the guests inside.
 */
final class OuterGuest {

    /**
     * What a case did.
     *
     * @param status exit status
     * @param took   inside the guest
     * @param out    standard output
     * @param err    standard error
     */
    record Outcome(int status, Duration took, String out, String err) {}

    private static final String COMMAND_LINE = "console=ttyS0 quiet panic=-1 rdinit=/init";
    private static final List<String> KVM_MODULES = List.of("virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko",
            "arch/x86/kvm/kvm-amd.ko");

    /** What guests inside load for their devices. */
    private static final Set<String> GUEST_MODULES = Set.of("virtio_pci", "virtio_mmio", "virtio-rng", "virtio_blk",
            "virtio_net", "virtiofs", "vmw_vsock_virtio_transport");

    private final DebianGuestKit kit;
    private final JavaImage java;
    private final Map<String, String> cases = new LinkedHashMap<>();

    private final Path script;

    /**
     * A guest for {@code java}.
     *
     * @param script the host's script(1), which makes a pseudo-terminal; busybox has none
     */
    OuterGuest(DebianGuestKit kit, JavaImage java, Path script) {
        this.kit = kit;
        this.java = java;
        this.script = script;
    }

    /** Runs {@code script} after those that were added before. */
    OuterGuest with(String name, String script) {
        cases.put(name, script);
        return this;
    }

    /** Runs all cases in one guest. */
    Map<String, Outcome> run(Path folder, Duration limit) throws IOException, InterruptedException {
        Path initrd = folder.resolve("outer.cpio");
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(initrd), 1 << 20)) {
            write(new CpioArchive(out));
        }
        Qemu.Result result = new Qemu(kit.kernel(), initrd, COMMAND_LINE, 2048, 2).run(folder, limit);
        System.out.println("The guest with KVM inside ran for " + result.took().toMillis() + " ms");
        return outcomes(result);
    }

    private void write(CpioArchive archive) throws IOException, InterruptedException {
        Set<String> made = new TreeSet<>();
        directory(archive, made, "dev");
        archive.characterDevice("dev/console", 0600, 5, 1).characterDevice("dev/null", 0666, 1, 3);
        file(archive, made, "bin/busybox", kit.busybox());
        archive.file("init", 0755, resource("outer-init"));
        for (String module : KVM_MODULES) {
            Path file = kit.modules().resolve("kernel").resolve(module);
            file(archive, made, "modules/" + file.getFileName(), file);
        }
        tree(archive, made, "java", java.home());
        file(archive, made, "bin/script", script);
        for (Path library : java.librariesWith(script)) {
            file(archive, made, library.toString().substring(1), library.toRealPath());
        }
        archive.file("vz.aot", 0644, java.cache());
        archive.file("java-options", 0644, text(String.join(" ", JavaImage.OPTIONS)));
        archive.file("java-main", 0644, text(JavaImage.MAIN));
        // The guest kit where vz looks for it, so that it needs no network there.
        file(archive, made, "cache/debian-guest-kit/boot/" + kit.kernel().getFileName(), kit.kernel());
        file(archive, made, "cache/debian-guest-kit/bin/busybox", kit.busybox());
        for (Path module : new KernelModules(kit.modules()).inOrder(GUEST_MODULES)) {
            file(archive, made, "cache/debian-guest-kit/" + kit.root().relativize(module), module);
        }
        directory(archive, made, "cases");
        for (var entry : cases.entrySet()) {
            archive.file("cases/" + entry.getKey(), 0644, text(entry.getValue()));
        }
        archive.finish();
    }

    private static void tree(CpioArchive archive, Set<String> made, String target, Path source) throws IOException {
        try (Stream<Path> files = Files.walk(source)) {
            for (Path file : files.sorted().toList()) {
                String name = target + "/" + source.relativize(file);
                if (Files.isRegularFile(file)) {
                    file(archive, made, name, file);
                }
            }
        }
    }

    private static void file(CpioArchive archive, Set<String> made, String name, Path source) {
        directory(archive, made, name.substring(0, name.lastIndexOf('/')));
        archive.file(name, 0755, source);
    }

    private static void directory(CpioArchive archive, Set<String> made, String name) {
        if (made.contains(name)) {
            return;
        }
        int parent = name.lastIndexOf('/');
        if (parent > 0) {
            directory(archive, made, name.substring(0, parent));
        }
        archive.directory(name, 0755);
        made.add(name);
    }

    private static byte[] text(String line) {
        return (line + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream script = Objects.requireNonNull(OuterGuest.class.getResourceAsStream(name))) {
            return script.readAllBytes();
        }
    }

    private Map<String, Outcome> outcomes(Qemu.Result result) {
        var found = new LinkedHashMap<String, Outcome>();
        String name = "";
        var values = new LinkedHashMap<String, String>();
        for (String line : new String(result.data(), StandardCharsets.US_ASCII).split("\n")) {
            String[] words = line.strip().split(" ", 2);
            String value = words.length == 2 ? words[1] : "";
            if (words[0].equals("case")) {
                name = value;
                values.clear();
            } else {
                values.put(words[0], value);
            }
            if (words[0].equals("err")) {
                var outcome = new Outcome(Integer.parseInt(values.get("status")),
                        Duration.ofMillis(Long.parseLong(values.get("millis"))), decode(values.get("out")),
                        decode(values.get("err")));
                System.out.println("  " + name + ": status " + outcome.status() + " after " + outcome.took().toMillis()
                        + " ms");
                found.put(name, outcome);
            }
        }
        if (found.size() != cases.size()) {
            throw new AssertionError("Of the cases " + cases.keySet() + " only " + found.keySet()
                    + " were reported. The console: " + result.console());
        }
        return found;
    }

    private static String decode(String base64) {
        return new String(Base64.getDecoder().decode(base64), StandardCharsets.ISO_8859_1);
    }
}
