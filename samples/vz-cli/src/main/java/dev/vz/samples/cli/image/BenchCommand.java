package dev.vz.samples.cli.image;

import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.samples.cli.disk.CacheOption;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;

/** {@code bench}: many requests of one size, several in flight. */
final class BenchCommand {

    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;
    private static final int PATTERN = 260;
    private static final int FLUSH_INTERVAL = 261;
    private static final int NO_DRAIN = 262;
    private static final int MAX_THREADS = 64;

    private long count = 75_000;
    private int depth = 64;
    private long offset;
    private int size = 4096;
    private long step;
    private boolean writes;
    private int pattern;
    private int flushInterval;
    private ImageStore.Mode mode = ImageStore.Mode.READ;

    private BenchCommand() {}

    static int run(Console console, List<String> arguments) {
        return new BenchCommand().perform(console, arguments);
    }

    private int perform(Console console, List<String> arguments) {
        String format = null;
        boolean quiet = false;
        boolean imageOptions = false;
        var options = new GetOpt(arguments, "hc:d:f:ni:o:qs:S:t:wU", List.of(new GetOpt.Long("help", false, 'h'),
                new GetOpt.Long("flush-interval", true, FLUSH_INTERVAL), new GetOpt.Long("pattern", true, PATTERN),
                new GetOpt.Long("no-drain", false, NO_DRAIN), new GetOpt.Long("image-opts", false, IMAGE_OPTIONS),
                new GetOpt.Long("object", true, OBJECT), new GetOpt.Long("force-share", false, 'U')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'c' -> count = number(options.value(), "request count", 1, Integer.MAX_VALUE);
                case 'd' -> depth = (int) number(options.value(), "queue depth", 1, Integer.MAX_VALUE);
                case 'f' -> format = options.value();
                case 'o' -> offset = Sizes.option("offset", options.value(), 0, Long.MAX_VALUE);
                case 's' -> size = (int) Sizes.option("buffer size", options.value(), 1, Integer.MAX_VALUE);
                case 'S' -> step = Sizes.option("step_size", options.value(), 1, Integer.MAX_VALUE);
                case 't' -> mode = mode.withCache(CacheOption.parse(options.value()).orElseThrow(
                        () -> new CommandFailure("Invalid cache mode")));
                case 'w' -> writes = true;
                case 'q' -> quiet = true;
                case 'n', 'U', NO_DRAIN -> {
                    // How the host is driven; the result is the same.
                }
                case 'i' -> {
                    if (!List.of("threads", "native", "io_uring").contains(options.value())) {
                        throw new CommandFailure("Invalid aio option: " + options.value());
                    }
                }
                case PATTERN -> pattern = (int) number(options.value(), "pattern byte", 0, 255);
                case FLUSH_INTERVAL -> flushInterval = (int) number(options.value(), "flush interval", 0,
                        Integer.MAX_VALUE);
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (options.operands().size() != 1) {
            throw Console.usage("Expecting one image file name");
        }
        if (!writes && flushInterval > 0) {
            throw new CommandFailure("--flush-interval is only available in write tests");
        }
        if (flushInterval > 0 && flushInterval < depth) {
            throw new CommandFailure("Flush interval can't be smaller than depth");
        }
        step = step == 0 ? size : step;
        try (IoEngine engine = depth == 1 ? IoEngine.inline() : IoEngine.cachedFirst(Math.min(depth, MAX_THREADS));
                DiskImage image = Console.open(options.operands().getFirst(), format, imageOptions, mode.withReadOnly(
                        !writes).withEngine(engine))) {
            if (!quiet) {
                console.say("Sending " + count + " " + (writes ? "write" : "read") + " requests, " + size
                        + " bytes each, " + depth + " in parallel (starting at offset " + offset + ", step size " + step
                        + ")");
                if (flushInterval > 0) {
                    console.say("Sending flush every " + flushInterval + " requests");
                }
            }
            long start = System.nanoTime();
            send(image);
            if (!quiet) {
                console.say(String.format(Locale.ROOT, "Run completed in %3.3f seconds.", (System.nanoTime() - start)
                        / 1e9));
            }
        }
        return 0;
    }

    private static long number(String text, String what, long min, long max) {
        try {
            long value = Long.decode(text);
            if (value >= min && value <= max) {
                return value;
            }
        } catch (NumberFormatException none) {
            // Said below, with the numbers that are out of range.
        }
        throw new CommandFailure("Invalid " + what + " specified");
    }

    private void send(DiskImage image) {
        var free = new Semaphore(depth);
        var failure = new AtomicReference<String>();
        long disk = image.info().size();
        try (Arena arena = Arena.ofShared()) {
            var idle = new java.util.concurrent.ArrayBlockingQueue<BlockRequest>(depth);
            for (int i = 0; i < depth; i++) {
                idle.add(new BlockRequest().attach(arena.allocate(size).fill((byte) pattern)).onCompletion(
                        (request, result) -> {
                            if (result != BlockResult.OK) {
                                Throwable cause = request.cause();
                                failure.compareAndSet(null, cause instanceof dev.vz.error.VzException known
                                        ? HostErrors.text(known) : HostErrors.IO_ERROR);
                            }
                            idle.add(request);
                            free.release();
                        }));
            }
            long at = offset;
            for (long i = 0; i < count && failure.get() == null; i++) {
                if (flushInterval > 0 && i > 0 && i % flushInterval == 0) {
                    image.flush();
                }
                if (!free.tryAcquire()) {
                    // Once for many: a thread that is woken for each request costs more than the requests.
                    free.acquireUninterruptibly(Math.max(1, depth / 2));
                    free.release(Math.max(1, depth / 2) - 1);
                }
                BlockRequest request = idle.remove();
                request.prepare(writes ? Operation.WRITE : Operation.READ, at, size, 0).addBuffer(
                        (java.lang.foreign.MemorySegment) java.util.Objects.requireNonNull(request.attachment()));
                image.submit(request);
                at += step;
                if (disk <= size) {
                    at = 0;
                } else {
                    at %= disk - size;
                }
            }
            free.acquireUninterruptibly(depth);
        }
        if (failure.get() != null) {
            throw new CommandFailure("Failed request: " + failure.get());
        }
    }
}
