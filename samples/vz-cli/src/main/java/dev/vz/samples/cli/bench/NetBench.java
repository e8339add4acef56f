package dev.vz.samples.cli.bench;

import dev.vz.error.HostException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code vz bench net}: {@code vz nat} and {@code vz switch} beside what people use, in network namespaces that the run
 * makes and takes away. The measuring itself is a Python script, because all of it is other programs that talk.
 */
@Command(name = "net", mixinStandardHelpOptions = true, sortOptions = false, header = "Compares gateways, switches and services for guests.", description = {
    "", "nat: vz nat, pasta and slirp4netns; TCP, UDP, connections. switch: vz switch, vde_switch, Open vSwitch and",
    "the kernel's bridge; frames and TCP. services: vz nat and dnsmasq; DNS and DHCP. Of the peers, those that are",
    "installed take part. They take turns, and medians are shown, with what each process computes for it.",
    "Needs root, python3, gcc and iproute2; iperf3 (nat, switch); dnsperf and perfdhcp (services).", ""})
final class NetBench implements Callable<Integer> {

    private static final int MOST = 1000;
    private static final List<String> FILES = List.of("bed.py", "compare.py", "nat.py", "services.py", "switch.py",
            "tools.c");
    private static final List<String> PARTS = List.of("nat", "switch", "services");

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Parameters(paramLabel = "PART", arity = "0..*", description = "Some of nat, switch and services (default: all).")
    private List<String> parts = new ArrayList<>();

    @Option(names = "--rounds", paramLabel = "N", defaultValue = "5", description = "Turns of each (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "3", description = "Of each measurement (default: ${DEFAULT-VALUE}).")
    private int seconds;

    @Option(names = "--only", paramLabel = "NAME", description = "Of those that would take part, only this one. Several.")
    private List<String> only = new ArrayList<>();

    @Option(names = "--results", paramLabel = "FILE", description = "Add what is measured to this file, and show medians of all that is in it.")
    private @Nullable Path results;

    @Override
    public Integer call() throws InterruptedException {
        BenchCommand.positive(spec, "--rounds", rounds, MOST);
        BenchCommand.positive(spec, "--seconds", seconds, MOST);
        for (String part : parts) {
            if (!PARTS.contains(part)) {
                throw new ParameterException(spec.commandLine(), "'" + part + "' is none of nat, switch and services");
            }
        }
        try {
            Path folder = Files.createTempDirectory("vz-bench");
            try {
                return compare(folder);
            } finally {
                try (Stream<Path> files = Files.walk(folder)) {
                    for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                        Files.delete(file);
                    }
                }
            }
        } catch (IOException failure) {
            throw new HostException("comparing networks", "the folder for temporary files", failure);
        }
    }

    private int compare(Path folder) throws IOException, InterruptedException {
        for (String name : FILES) {
            try (InputStream in = NetBench.class.getResourceAsStream("network/" + name)) {
                Files.write(folder.resolve(name), Objects.requireNonNull(in, name).readAllBytes());
            }
        }
        Path self = folder.resolve("vz");
        Files.writeString(self, Peer.self(spec).stream().map(NetBench::quoted)
                .collect(Collectors.joining(" ", "#!/bin/sh\nexec ", " \"$@\"\n")));
        Files.setPosixFilePermissions(self, PosixFilePermissions.fromString("rwx------"));
        var command = new ArrayList<>(List.of("python3", folder.resolve("compare.py").toString(), "--rounds",
                Integer.toString(rounds), "--seconds", Integer.toString(seconds)));
        if (results != null) {
            command.addAll(List.of("--results", results.toAbsolutePath().toString()));
        }
        only.forEach(name -> command.addAll(List.of("--only", name)));
        command.addAll(parts);
        var builder = new ProcessBuilder(command).inheritIO();
        builder.environment().put("VZ", self.toString());
        builder.environment().put("PYTHONDONTWRITEBYTECODE", "1");
        Process process = Peer.start(builder, "python3");
        try {
            return process.waitFor();
        } finally {
            process.destroy(); // it takes its namespaces and programs along
        }
    }

    private static String quoted(String word) {
        return "'" + word.replace("'", "'\\''") + "'";
    }
}
