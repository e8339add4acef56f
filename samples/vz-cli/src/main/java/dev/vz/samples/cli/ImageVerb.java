package dev.vz.samples.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/** {@code vz image} among the other commands; {@link DiskTools} does the work. */
@Command(name = "image", header = "Makes, describes, converts and repairs disk images, with the options of qemu-img.")
final class ImageVerb implements Callable<Integer> {

    @Unmatched
    private final List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() {
        var all = new ArrayList<String>();
        all.add("image");
        all.addAll(arguments);
        return DiskTools.run(all.toArray(String[]::new));
    }
}
