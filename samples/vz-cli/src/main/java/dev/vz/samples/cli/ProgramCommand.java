package dev.vz.samples.cli;

import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.samples.cli.program.ProgramRun;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vz program}: runs a test program that brings no operating system. */
@Command(name = "program", mixinStandardHelpOptions = true, versionProvider = Vz.Version.class, sortOptions = false, header = "Runs a test program that brings no operating system, such as those of kvm-unit-tests.", description = {
    "",
    "The program is a 32-bit ELF file with a Multiboot header. Its serial port is standard output; a value N that it",
    "writes to port 0xF4 ends it with the status 2 N + 1, as QEMU's isa-debug-exit does.",
    ""}, footerHeading = "%n@|bold Exit status:|@ ", footer = "2 N + 1; 0 it switched the machine off; 124 it took too long; 1 it failed.")
final class ProgramCommand implements Callable<Integer> {

    @Option(names = "--backend", paramLabel = "NAME", defaultValue = "emulator", description = "What runs it (default: ${DEFAULT-VALUE}).")
    private String backend = "emulator";

    @Option(names = "--memory", paramLabel = "SIZE", defaultValue = "512M", converter = MemorySize.class, description = "Memory (default: ${DEFAULT-VALUE}).")
    private long memory;

    @Option(names = "--cpus", paramLabel = "N", defaultValue = "1", description = "Processors (default: ${DEFAULT-VALUE}).")
    private int cpus;

    @Option(names = "--timeout", paramLabel = "SECONDS", converter = Seconds.class, description = "End it after this time, with status 124.")
    private @Nullable Duration timeout;

    @Parameters(index = "0", paramLabel = "FILE", description = "The program.")
    @SuppressWarnings("NullAway.Init")
    private Path file;

    @Parameters(index = "1..*", paramLabel = "ARGUMENT", description = "What it finds on its command line.")
    private List<String> arguments = List.of();

    @Override
    public Integer call() throws InterruptedException {
        Hypervisor hypervisor = Hypervisors.named(backend);
        return new ProgramRun(hypervisor, file, arguments, cpus, memory,
                timeout == null ? Duration.ofDays(365) : timeout).run(System.out);
    }
}
