package dev.vz.emulator.hostcpu;

import dev.vz.testing.Peers;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * The host's own processor as a judge: a small C program, compiled when the test starts, that executes one instruction on
 * many register states and hands back what it left. States travel through a file that both sides map.
 */
public final class HostCpu implements AutoCloseable {

    /** Cases that fit into one run. */
    public static final int CASES = 2048;

    private static final String SOURCE = "host-cpu.c";

    private final Path folder;
    private final Process process;
    private final Writer commands;
    private final BufferedReader answers;
    private final MappedByteBuffer shared;

    private HostCpu(Path folder) throws IOException, InterruptedException {
        this.folder = folder;
        Path source = folder.resolve(SOURCE);
        try (InputStream code = HostCpu.class.getResourceAsStream(SOURCE)) {
            Files.copy(code, source, StandardCopyOption.REPLACE_EXISTING);
        }
        Path program = folder.resolve("host-cpu");
        run(List.of(Peers.program("gcc", "gcc").toString(), "-O2", "-Wall", "-Werror", "-o", program.toString(),
                source.toString()));
        Path records = folder.resolve("records");
        try (FileChannel file = FileChannel.open(records, StandardOpenOption.CREATE, StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
            shared = file.map(FileChannel.MapMode.READ_WRITE, 0, (long) CASES * MachineCase.LENGTH);
        }
        process = new ProcessBuilder(program.toString(), records.toString(), Integer.toString(CASES))
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        commands = process.outputWriter(StandardCharsets.US_ASCII);
        answers = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
    }

    /** Compiles and starts the judge; skips the calling test where there is no compiler or no such processor. */
    public static HostCpu start() {
        Peers.require(System.getProperty("os.name").equals("Linux") && System.getProperty("os.arch").equals("amd64"),
                "the host does not execute x86-64 instructions under Linux");
        try {
            return new HostCpu(Files.createTempDirectory("vz-host-cpu"));
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while compiling " + SOURCE, interruption);
        }
    }

    private static void run(List<String> command) throws IOException, InterruptedException {
        Process compiler = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (compiler.waitFor() != 0) {
            throw new IllegalStateException("compiling " + SOURCE + " failed: " + output);
        }
    }

    /** The feature flags of the host's processor, as Linux spells them. */
    public static Set<String> features() {
        return cpuinfo("flags").stream().flatMap(line -> List.of(line.split(" ")).stream())
                .collect(Collectors.toSet());
    }

    /** Whether the host's processor is AMD's, whose answers to what the architecture leaves open are modelled. */
    public static boolean isAmd() {
        return cpuinfo("vendor_id").contains("AuthenticAMD");
    }

    private static List<String> cpuinfo(String key) {
        try {
            return Files.readAllLines(Path.of("/proc/cpuinfo")).stream().filter(line -> line.startsWith(key))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip()).limit(1).toList();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /**
     * Executes an instruction on a number of states.
     *
     * @param instruction its bytes
     * @param records the states, {@link MachineCase#LENGTH} bytes each; replaced by what the instruction leaves
     * @param count how many states there are
     */
    public void execute(byte[] instruction, byte[] records, int count) {
        try {
            shared.put(0, records, 0, count * MachineCase.LENGTH);
            commands.write(HexFormat.of().formatHex(instruction) + " " + count + "\n");
            commands.flush();
            String answer = answers.readLine();
            if (!("done " + count).equals(answer)) {
                throw new IllegalStateException("the host CPU program answered " + answer + " to "
                        + HexFormat.of().formatHex(instruction));
            }
            shared.get(0, records, 0, count * MachineCase.LENGTH);
        } catch (IOException failure) {
            throw new UncheckedIOException("executing " + HexFormat.of().formatHex(instruction), failure);
        }
    }

    @Override
    public void close() {
        try {
            commands.close();
            if (!process.waitFor(60, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
            for (String name : List.of(SOURCE, "host-cpu", "records")) {
                Files.deleteIfExists(folder.resolve(name));
            }
            Files.deleteIfExists(folder);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
        }
    }
}
