package dev.vz.samples.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/** {@code vz io} among the other commands; {@link DiskTools} does the work. */
@Command(name = "io", header = "Reads and writes a disk image by commands, with the options of qemu-io.")
final class IoVerb implements Callable<Integer> {

    @Unmatched
    private final List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() {
        var all = new ArrayList<String>();
        all.add("io");
        all.addAll(arguments);
        return DiskTools.run(all.toArray(String[]::new));
    }
}
