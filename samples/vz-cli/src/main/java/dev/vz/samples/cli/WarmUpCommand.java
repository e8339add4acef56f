package dev.vz.samples.cli;

import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.Machine;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.RunningMachine;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.CodeBoot;
import dev.vz.samples.cli.image.ImageCommand;
import dev.vz.samples.cli.io.IoCommand;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.HexFormat;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * What the launcher runs once while the JVM records which classes a start needs: every command's help, and a machine of
 * a few instructions on each back end that is there.
 */
@Command(name = "warm-up", hidden = true)
final class WarmUpCommand implements Callable<Integer> {

    private static final int EXIT_PORT = 0xF4;
    /** {@code mov dx, 0x3f8; mov al, 'x'; out dx, al; out 0xf4, al; hlt}. */
    private static final byte[] CODE = HexFormat.ofDelimiter(" ").parseHex("ba f8 03 b0 78 ee e6 f4 f4");
    private static final long ADDRESS = 0x1000;
    private static final long MEMORY = 16L << 20;
    private static final Duration LIMIT = Duration.ofSeconds(10);

    @Override
    public Integer call() throws InterruptedException {
        diskTools();
        // The end of every process asks this one whether it is to tell.
        System.getLogger("java.lang.Runtime").isLoggable(System.Logger.Level.DEBUG);
        CommandLine line = Vz.commandLine();
        line.getSubcommands().values().forEach(command -> line.getOut().println(command.getUsageMessage()));
        for (Hypervisor hypervisor : Hypervisors.all()) {
            line.getOut().println(hypervisor.name() + ": " + hypervisor.availability());
            if (Hypervisors.missing(hypervisor, Capability.INTERRUPT_CONTROLLER).isEmpty()) {
                run(hypervisor);
            }
        }
        return Vz.DONE;
    }

    /** The commands that scripts start most often, on an image in a folder of its own. */
    private static void diskTools() {
        Path folder = null;
        var nowhere = new PrintStream(OutputStream.nullOutputStream());
        try {
            folder = Files.createTempDirectory("vz-warm-up");
            String image = folder.resolve("image.qcow2").toString();
            String overlay = folder.resolve("overlay.qcow2").toString();
            String copy = folder.resolve("copy.raw").toString();
            // Whose tables are long enough for the JVM to note what their loops do.
            String mapped = folder.resolve("mapped.qcow2").toString();
            String q = "qcow2";
            List<List<String>> commands = List.of(List.of("create", "-f", q, "-o", "cluster_size=4k", image, "16M"),
                    List.of("create", "-f", q, "-b", image, "-F", q, overlay), List.of("info", overlay),
                    List.of("info", "--output=json", "--backing-chain", overlay), List.of("check", image),
                    List.of("map", overlay), List.of("convert", "-O", "raw", overlay, copy),
                    List.of("compare", overlay, copy), List.of("snapshot", "-c", "one", image),
                    List.of("resize", image, "32M"), List.of("commit", overlay),
                    List.of("create", "-f", q, "-o", "preallocation=metadata", mapped, "32G"), List.of("check", mapped),
                    List.of("map", mapped), List.of("convert", "-c", "-O", q, image, copy));
            ImageCommand.run(commands.getFirst(), nowhere, nowhere);
            IoCommand.run(List.of("-f", q, "-c", "write -P 1 1M 8M", "-c", "read -P 1 1M 8M", "-c", "map", image),
                    InputStream.nullInputStream(), nowhere, nowhere);
            for (List<String> command : commands.subList(1, commands.size())) {
                ImageCommand.run(command, nowhere, nowhere);
            }
            conversions(folder.resolve("disk.raw").toString(), copy, nowhere);
            for (String name : List.of(image, overlay, copy, mapped)) {
                Files.deleteIfExists(Path.of(name));
            }
            Files.delete(folder);
        } catch (IOException failure) {
            // A start-up cache without these classes is still one.
            System.err.println("vz: no warm-up of the disk commands in " + folder + ": " + failure.getMessage());
        }
    }

    /** Long enough for the JVM to note what conversions do, too: on data, on zeros that are written, and on holes. */
    private static void conversions(String disk, String copy, PrintStream nowhere) throws IOException {
        var writes = new ArrayList<>(List.of("-f", "raw"));
        for (int mebibyte = 0; mebibyte < 64; mebibyte += 2) {
            writes.addAll(List.of("-c", "write -P 1 " + mebibyte + "M 1M", "-c", "write -P 0 " + mebibyte + "M 64k"));
        }
        writes.add(disk);
        ImageCommand.run(List.of("create", "-f", "raw", disk, "64M"), nowhere, nowhere);
        IoCommand.run(writes, InputStream.nullInputStream(), nowhere, nowhere);
        for (String format : List.of("vmdk", "vdi", "vhdx", "vpc", "qcow2")) {
            Files.deleteIfExists(Path.of(copy));
            ImageCommand.run(List.of("convert", "-f", "raw", "-O", format, disk, copy), nowhere, nowhere);
        }
        ImageCommand.run(List.of("map", "--output=json", "-f", "qcow2", copy), nowhere, nowhere);
        ImageCommand.run(List.of("convert", "-f", "qcow2", "-O", "raw", copy, disk), nowhere, nowhere);
        for (String type : List.of("zlib", "zstd")) {
            Files.delete(Path.of(copy));
            ImageCommand.run(List.of("convert", "-c", "-o", "compression_type=" + type, "-f", "raw", "-O", "qcow2",
                    disk, copy), nowhere, nowhere);
        }
        Files.delete(Path.of(disk));
    }

    private static void run(Hypervisor hypervisor) throws InterruptedException {
        var boot = new CodeBoot(BootFile.of("warm-up code", CODE), ADDRESS, CodeBoot.Mode.REAL);
        MachineDescription description = MachineDescription.of("warm-up", boot).withMemory(MEMORY)
                .withPlatform(platform -> platform.withDebugExit(EXIT_PORT));
        try (BuiltMachine built = Machine.build(hypervisor, description); RunningMachine machine = built.start()) {
            machine.await(LIMIT);
        }
    }
}
