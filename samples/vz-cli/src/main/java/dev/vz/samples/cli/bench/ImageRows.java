package dev.vz.samples.cli.bench;

import dev.vz.error.GuestException;
import dev.vz.samples.cli.bench.StorageBench.Group;
import dev.vz.samples.cli.bench.StorageRow.Contestant;
import dev.vz.samples.cli.bench.StorageRow.Unit;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The rows in which {@code vz image} and qemu-img get the same arguments. */
final class ImageRows {

    private static final Pattern COMPLETED = Pattern.compile("completed in ([0-9.]+) seconds");
    /** A stride that visits the blocks of 4 KiB of a disk in an order that no read-ahead foresees. */
    private static final String STRIDE = Long.toString(4096L * 162013);
    private static final int READS = 600_000;
    private static final int WRITES = 200_000;

    private final StorageImages images;
    private final List<String> vz;
    /** As samples/vz starts conversions. */
    private final List<String> converting;
    private final List<StorageRow> rows = new ArrayList<>();

    ImageRows(StorageImages images, List<String> vz) {
        this.images = images;
        this.vz = Stream.concat(vz.stream(), Stream.of("image")).toList();
        var options = new ArrayList<String>(this.vz);
        options.add(1, "-XX:TieredStopAtLevel=1");
        this.converting = List.copyOf(options);
    }

    /** An argument that may have to be made first. */
    @FunctionalInterface
    private interface Arguments {
        List<String> make() throws IOException, InterruptedException;
    }

    List<StorageRow> all() {
        for (int depth : new int[] {1, 32}) {
            requests("qcow2 4k random reads, depth " + depth, READS, depth, List.of());
            requests("qcow2 4k random writes, depth " + depth, WRITES, depth, List.of("-w"));
        }
        for (String format : List.of("qcow2", "vmdk", "vdi", "vhdx", "vpc")) {
            whole(Group.CONVERT, "raw to " + format, () -> List.of("convert", "-f", "raw", "-O", format, images
                    .halfEmpty(), images.target()));
        }
        whole(Group.CONVERT, "qcow2 to raw", () -> List.of("convert", "-f", "qcow2", "-O", "raw", images.qcow2(images
                .halfEmpty()), images.target()));
        for (String type : List.of("zlib", "zstd")) {
            whole(Group.COMPRESS, "raw to qcow2, " + type, () -> List.of("convert", "-c", "-o", "compression_type="
                    + type, "-f", "raw", "-O", "qcow2", images.halfEmpty(), images.target()));
        }
        whole(Group.CHECK, "check, all clusters mapped", () -> List.of("check", "-f", "qcow2", images.mapped()));
        whole(Group.CHECK, "map, all clusters mapped", () -> List.of("map", "--output=json", "-f", "qcow2", images
                .mapped()));
        whole(Group.CHECK, "map, every second MiB a hole", () -> List.of("map", "--output=json", "-f", "qcow2", images
                .qcow2(images.halfEmpty())));
        return rows;
    }

    private void requests(String name, int count, int depth, List<String> more) {
        Arguments arguments = () -> Stream.of(List.of("bench"), more, List.of("-f", "qcow2", "-c", Integer.toString(
                count), "-d", Integer.toString(depth), "-s", "4k", "-S", STRIDE, "-t", "writeback"), List.of(
                        images
                                .qcow2(images.full())))
                .flatMap(List::stream).toList();
        rows.add(new StorageRow(Group.REQUESTS, name, Unit.PER_SECOND, List.of(
                new Contestant("qemu, io_uring", () -> count / completed("-i", "io_uring", arguments)),
                new Contestant("vz", () -> count / completed(Stream.concat(vz.stream(), arguments.make().stream())
                        .toList())),
                new Contestant("qemu, threads", () -> count / completed("-i", "threads", arguments)))));
    }

    private double completed(String option, String value, Arguments arguments) throws IOException,
            InterruptedException {
        List<String> made = arguments.make();
        return completed(Stream.of(List.of("qemu-img", made.getFirst(), option, value), made.subList(1, made.size()))
                .flatMap(List::stream).toList());
    }

    private double completed(List<String> command) throws IOException, InterruptedException {
        String said = images.said(command);
        Matcher found = COMPLETED.matcher(said);
        if (!found.find()) {
            throw new GuestException(String.join(" ", command) + " did not say how long it took, but: " + said.strip());
        }
        return Double.parseDouble(found.group(1));
    }

    private void whole(Group group, String name, Arguments arguments) {
        rows.add(new StorageRow(group, name, Unit.PROCESS_SECONDS, List.of(
                new Contestant("qemu-img", () -> seconds(List.of("qemu-img"), arguments)),
                new Contestant("vz", () -> seconds(group == Group.CHECK ? vz : converting, arguments)))));
    }

    private double seconds(List<String> program, Arguments arguments) throws IOException, InterruptedException {
        List<String> made = arguments.make(); // before the clock runs
        return images.seconds(Stream.concat(program.stream(), made.stream()).toList());
    }
}
