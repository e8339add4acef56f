package dev.vz.samples.cli.bench;

import dev.vz.error.GuestException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.SplittableRandom;

/** The images that rows work on, each made when the first row wants it, and the running of programs on them. */
final class StorageImages {

    /** The packages that have the peers. */
    static final String PACKAGES = "qemu-utils, nbdkit and fio";

    private static final int MEBIBYTE = 1 << 20;
    private static final int PAGE = 4096;
    /** Letters that a page of text is of: it compresses to less than half. */
    private static final byte[] LETTERS = "abcdefgh \n".getBytes(StandardCharsets.US_ASCII);

    private final Path folder;
    private final long size;

    StorageImages(Path folder, long size) {
        this.folder = folder;
        this.size = size;
    }

    Path folder() {
        return folder;
    }

    long size() {
        return size;
    }

    /** A raw disk without holes, of bytes that do not compress. */
    String full() throws IOException {
        return made("full.raw", 1);
    }

    /** A raw disk of which every second MiB is a hole, and every second page of the rest compresses. */
    String halfEmpty() throws IOException {
        return made("half.raw", 2);
    }

    private String made(String name, int every) throws IOException {
        Path path = folder.resolve(name);
        if (!Files.exists(path)) {
            var random = new SplittableRandom(1);
            byte[] bytes = new byte[MEBIBYTE];
            try (FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                for (long at = 0; at < size; at += (long) every * MEBIBYTE) {
                    random.nextBytes(bytes);
                    for (int page = 0; every > 1 && page < MEBIBYTE; page += 2 * PAGE) {
                        for (int i = page; i < page + PAGE; i++) {
                            bytes[i] = LETTERS[(bytes[i] & 0xff) % LETTERS.length];
                        }
                    }
                    file.write(ByteBuffer.wrap(bytes), at);
                }
                if (every > 1) {
                    file.write(ByteBuffer.wrap(new byte[1]), size - 1);
                }
            }
        }
        return path.toString();
    }

    /** {@code raw} as a qcow2 image. */
    String qcow2(String raw) throws IOException, InterruptedException {
        Path path = Path.of(raw.replace(".raw", ".qcow2"));
        if (!Files.exists(path)) {
            seconds(List.of("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path.toString()));
        }
        return path.toString();
    }

    /** A qcow2 image in which nothing is. */
    String empty() throws IOException, InterruptedException {
        Path path = folder.resolve("empty.qcow2");
        if (!Files.exists(path)) {
            seconds(List.of("qemu-img", "create", "-q", "-f", "qcow2", path.toString(), "1M"));
        }
        return path.toString();
    }

    /** A qcow2 image of a hundred times the size, all of whose clusters are mapped. */
    String mapped() throws IOException, InterruptedException {
        Path path = folder.resolve("mapped.qcow2");
        if (!Files.exists(path)) {
            seconds(List.of("qemu-img", "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", path.toString(),
                    Long.toString(size * 100)));
        }
        return path.toString();
    }

    /** Where a conversion puts what it makes; nothing is there. */
    String target() throws IOException {
        Path path = folder.resolve("target");
        Files.deleteIfExists(path);
        return path.toString();
    }

    /** Runs a program, from its start to its end. */
    double seconds(List<String> command) throws IOException, InterruptedException {
        long begun = System.nanoTime();
        said(command);
        return (System.nanoTime() - begun) / 1e9;
    }

    /** What a program that ended well has said. */
    String said(List<String> command) throws IOException, InterruptedException {
        Path said = folder.resolve("said");
        Process process = Peer.start(new ProcessBuilder(command).redirectErrorStream(true).redirectInput(Path.of(
                "/dev/null").toFile()).redirectOutput(said.toFile()), PACKAGES);
        int status;
        try {
            status = process.waitFor();
        } finally {
            process.destroyForcibly();
        }
        String text = Files.readString(said, StandardCharsets.UTF_8);
        if (status != 0) {
            throw new GuestException(
                    String.join(" ", command) + " ended with " + status + " and said: " + text.substring(
                            Math.max(0, text.length() - 300)).strip());
        }
        return text;
    }
}
