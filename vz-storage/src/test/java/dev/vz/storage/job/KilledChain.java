package dev.vz.storage.job;

import dev.vz.storage.IoEngine;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** Sixty-four writers on a chain that changes all the time, until somebody kills the process. */
final class KilledChain {

    static final int WRITERS = 64;

    private KilledChain() {}

    /** Arguments: the folder of the images, the number of the first write. */
    public static void main(String[] arguments) throws Exception {
        var folder = Path.of(arguments[0]);
        long first = Long.parseLong(arguments[1]);
        PrintStream out = System.out;
        try (IoEngine engine = IoEngine.threads(4)) {
            var files = new ChainFiles(folder, engine);
            try (DiskChain chain = files.open()) {
                ChainLoad load = ChainLoad.start(chain.device(), WRITERS, first, 8, (writer, next) -> {
                    synchronized (out) {
                        out.println(writer + " " + next);
                        out.flush();
                    }
                });
                var random = new Random(first);
                int depth = 0;
                for (var below = chain.top().backing(); below.isPresent(); below = below.get().backing()) {
                    depth++;
                }
                for (long i = first; !load.failed(); i++) {
                    if (depth < 3 && random.nextBoolean()) {
                        Files.deleteIfExists(files.file(i + ".qcow2"));
                        chain.snapshot(files.overlay(i + ".qcow2"));
                        depth++;
                    } else if (depth > 1 && random.nextInt(3) == 0) {
                        chain.commit(chain.top().backing().orElseThrow(), JobControl.NONE);
                        depth--;
                    } else if (depth > 0 && random.nextInt(3) > 0) {
                        chain.commit(JobControl.NONE);
                        depth--;
                    } else if (depth > 0) {
                        chain.stream(JobControl.NONE);
                        depth = 0;
                    }
                }
                load.finish();
            }
        }
    }
}
