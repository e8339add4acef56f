package dev.vz.samples.cli.bench;

import dev.vz.error.GuestException;
import dev.vz.error.HostException;
import dev.vz.samples.cli.kit.CacheFolder;
import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.KitInitramfs;
import dev.vz.samples.cli.kit.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code vz bench boot}: times whole processes, {@code vz boot} and QEMU, from their start to their end: the same kernel and
 * the same root file system, a command that says one word, power-off.
 */
@Command(name = "boot", mixinStandardHelpOptions = true, sortOptions = false, header = "Times the boot of the guest kit to power-off on the software CPU and on QEMU's TCG.")
final class BootBench implements Callable<Integer> {

    private static final int MOST = 1000;
    private static final int MOST_CPUS = 64;
    private static final String WORD = "the-guest-was-here";
    private static final String MARKER = "vz-bench";

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = "--runs", paramLabel = "N", defaultValue = "5", description = "Boots on each side (default: ${DEFAULT-VALUE}).")
    private int runs;

    @Option(names = "--cpus", paramLabel = "N", defaultValue = "1", description = "Virtual processors (default: ${DEFAULT-VALUE}).")
    private int cpus;

    @Override
    public Integer call() throws InterruptedException {
        BenchCommand.positive(spec, "--runs", runs, MOST);
        BenchCommand.positive(spec, "--cpus", cpus, MOST_CPUS);
        DebianGuestKit kit = DebianGuestKit.in(CacheFolder.of(System.getenv()), Progress.SILENT);
        PrintWriter out = spec.commandLine().getOut();
        try {
            Path initrd = Files.createTempFile("vz-bench", ".cpio");
            Path said = Files.createTempFile("vz-bench", ".log");
            try {
                Files.write(initrd, new KitInitramfs(kit.busybox(), KitInitramfs.Terminal.UNKNOWN,
                        new KitInitramfs.Exec("echo " + WORD, MARKER), List.of()).archive());
                measure(vz(), qemu(kit, initrd), said, out);
            } finally {
                Files.delete(initrd);
                Files.delete(said);
            }
        } catch (IOException failure) {
            throw new HostException("measuring boots", "the folder for temporary files", failure);
        }
        return 0;
    }

    private void measure(List<String> vz, List<String> qemu, Path said, PrintWriter out)
            throws IOException, InterruptedException {
        var ours = new ArrayList<Double>();
        var theirs = new ArrayList<Double>();
        for (int i = 0; i < runs; i++) {
            ours.add(seconds(vz, said));
            theirs.add(seconds(qemu, said));
            out.printf("vz %6.2f s   TCG %6.2f s%n", ours.getLast(), theirs.getLast());
            out.flush();
        }
        out.printf("medians: vz %.2f s, TCG %.2f s, ratio %.2f%n", Peer.median(ours), Peer.median(theirs),
                Peer.median(theirs) / Peer.median(ours));
    }

    private List<String> vz() throws IOException {
        List<String> command = new ArrayList<>(Peer.self(spec));
        command.addAll(List.of("boot", "--backend", "emulator", "--cpus", Integer.toString(cpus), "--exec",
                "echo " + WORD));
        return command;
    }

    private List<String> qemu(DebianGuestKit kit, Path initrd) {
        return List.of("qemu-system-x86_64", "-accel", "tcg", "-m", "512", "-smp", Integer.toString(cpus),
                "-nodefaults",
                "-display", "none", "-no-reboot", "-chardev", "stdio,id=both,mux=on,signal=off", "-serial",
                "chardev:both",
                "-serial", "chardev:both", "-kernel", kit.kernel().toString(), "-initrd", initrd.toString(), "-append",
                "console=ttyS0 panic=-1 quiet " + KitInitramfs.COMMAND_LINE);
    }

    private static double seconds(List<String> command, Path said) throws IOException, InterruptedException {
        long begun = System.nanoTime();
        Process process = Peer.start(new ProcessBuilder(command).redirectErrorStream(true)
                .redirectInput(Path.of("/dev/null").toFile()).redirectOutput(said.toFile()));
        int status;
        try {
            status = process.waitFor();
        } finally {
            process.destroyForcibly();
        }
        double seconds = (System.nanoTime() - begun) / 1e9;
        String text = Files.readString(said, StandardCharsets.ISO_8859_1);
        if (status != 0 || !text.contains(WORD)) {
            throw new GuestException("The guest of " + command.getFirst() + " did not say \"" + WORD + "\" (status "
                    + status + "); the end of what it said: "
                    + text.substring(Math.max(0, text.length() - 300)).strip());
        }
        return seconds;
    }
}
