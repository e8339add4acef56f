package dev.vz.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The C side of a comparison: compiled from a resource with gcc -O2 into a folder of its own, gone when closed. */
public final class CProgram implements AutoCloseable {

    private final Path folder;
    private final Path source;
    private final Path program;

    /**
     * Compiles it.
     *
     * @param owner  the class beside which the source lies
     * @param source the resource's name
     */
    public CProgram(Class<?> owner, String source) throws IOException, InterruptedException {
        this.folder = Files.createTempDirectory("vz-benchmark");
        this.source = folder.resolve(source);
        this.program = folder.resolve("program");
        try (InputStream text = owner.getResourceAsStream(source)) {
            if (text == null) {
                throw new IOException(source + " is missing from the benchmarks");
            }
            Files.copy(text, this.source);
        }
        output(List.of("gcc", "-O2", "-pthread", "-Wall", "-Werror", "-o", program.toString(),
                this.source.toString()));
    }

    /** Runs it and returns what it prints. */
    public String run(Object... arguments) throws IOException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(program.toString());
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        return output(command);
    }

    /** Runs a program that prints one number. */
    public double number(Object... arguments) throws IOException, InterruptedException {
        return Double.parseDouble(run(arguments).strip());
    }

    private static String output(List<String> command) throws IOException, InterruptedException {
        var process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + " ended with status " + process.exitValue());
        }
        return output;
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(program);
        Files.deleteIfExists(source);
        Files.delete(folder);
    }
}
