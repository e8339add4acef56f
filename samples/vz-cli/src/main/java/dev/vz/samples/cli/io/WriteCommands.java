package dev.vz.samples.cli.io;

import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** {@code write} and {@code discard}. */
final class WriteCommands {

    /** What the options of a write say. */
    private static final class Options {
        boolean compress;
        boolean terse;
        boolean quiet;
        boolean zeroes;
        boolean vmState;
        int flags;
        boolean unmap;
        OptionalInt pattern = OptionalInt.empty();
        @Nullable
        String source;
    }

    private WriteCommands() {}

    static boolean write(Session session, List<String> arguments) {
        var chosen = new Options();
        var options = new GetOpt(arguments, "bcCfnpP:qs:uz", List.of());
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'b' -> chosen.vmState = true;
                case 'c' -> chosen.compress = true;
                case 'C' -> chosen.terse = true;
                case 'f' -> chosen.flags |= BlockRequest.FUA;
                case 'n' -> chosen.flags |= BlockRequest.FAST_ONLY;
                case 'p' -> {
                    // A flag of the past that does nothing any more.
                }
                case 'q' -> chosen.quiet = true;
                case 's' -> chosen.source = options.value();
                case 'u' -> chosen.unmap = true;
                case 'z' -> chosen.zeroes = true;
                case 'P' -> {
                    chosen.pattern = Transfer.pattern(session, options.value());
                    if (chosen.pattern.isEmpty()) {
                        return false;
                    }
                }
                default -> {
                    return CommandTable.usage(session, "write");
                }
            }
        }
        if (options.operands().size() != 2) {
            return CommandTable.usage(session, "write");
        }
        String conflict = conflict(chosen);
        if (conflict != null) {
            session.say(conflict);
            return false;
        }
        OptionalLong offset = Transfer.number(session, options.operands().get(0));
        if (offset.isEmpty()) {
            return false;
        }
        boolean unlimited = (chosen.flags & BlockRequest.FAST_ONLY) != 0;
        OptionalLong length = unlimited ? Transfer.number(session, options.operands().get(1))
                : Transfer.length(session, options.operands().get(1), " without -n");
        return length.isPresent() && write(session, chosen, offset.getAsLong(), length.getAsLong());
    }

    private static @Nullable String conflict(Options chosen) {
        boolean fua = (chosen.flags & BlockRequest.FUA) != 0;
        if (chosen.vmState && chosen.zeroes) {
            return "-b and -z cannot be specified at the same time";
        }
        if (fua && (chosen.vmState || chosen.compress)) {
            return "-f and -b or -c cannot be specified at the same time";
        }
        if ((chosen.flags & BlockRequest.FAST_ONLY) != 0 && !chosen.zeroes) {
            return "-n requires -z to be specified";
        }
        if (chosen.unmap && !chosen.zeroes) {
            return "-u requires -z to be specified";
        }
        int contents = (chosen.zeroes ? 1 : 0) + (chosen.pattern.isPresent() ? 1 : 0) + (chosen.source != null ? 1 : 0);
        if (contents > 1) {
            return "Only one of -z, -P, and -s can be specified at the same time";
        }
        return null;
    }

    private static boolean write(Session session, Options chosen, long offset, long length) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = chosen.zeroes ? MemorySegment.NULL : content(session, arena, chosen, length);
            if (buffer == null) {
                return false;
            }
            long start = System.nanoTime();
            if (chosen.zeroes) {
                int flags = chosen.flags | (chosen.unmap ? BlockRequest.MAY_UNMAP : 0);
                session.image().await(new BlockRequest().prepare(Operation.WRITE_ZEROES, offset, length, flags));
            } else if (chosen.vmState) {
                session.image().writeState(offset, buffer);
            } else if (chosen.compress) {
                session.image().writeCompressed(offset, buffer);
            } else {
                session.image().await(new BlockRequest().prepare(Operation.WRITE, offset, length, chosen.flags)
                        .addBuffer(buffer));
            }
            long nanos = System.nanoTime() - start;
            if (!chosen.quiet) {
                Transfer.report(session, "wrote", nanos, offset, length, length, chosen.terse);
            }
            return true;
        } catch (VzException failure) {
            session.say("write failed: " + HostErrors.text(failure));
            return false;
        }
    }

    private static @Nullable MemorySegment content(Session session, Arena arena, Options chosen, long length) {
        MemorySegment buffer = arena.allocate(Math.max(length, 1)).asSlice(0, length);
        String source = chosen.source;
        if (source == null) {
            return buffer.fill((byte) chosen.pattern.orElse(Transfer.WRITE_FILL));
        }
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(Path.of(source));
        } catch (IOException failure) {
            session.out.flush();
            session.err.println(source + ": No such file or directory");
            return null;
        }
        if (bytes.length == 0) {
            session.out.flush();
            session.err.println(source + ": file is empty");
            return null;
        }
        // A source that is too short is repeated.
        for (long at = 0; at < length; at += bytes.length) {
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, buffer, at, Math.min(bytes.length, length - at));
        }
        return buffer;
    }

    static boolean discard(Session session, List<String> arguments) {
        boolean terse = false;
        boolean quiet = false;
        var options = new GetOpt(arguments, "Cq", List.of());
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'C' -> terse = true;
                case 'q' -> quiet = true;
                default -> {
                    return CommandTable.usage(session, "discard");
                }
            }
        }
        if (options.operands().size() != 2) {
            return CommandTable.usage(session, "discard");
        }
        OptionalLong offset = Transfer.number(session, options.operands().get(0));
        OptionalLong length = offset.isEmpty() ? offset : Transfer.length(session, options.operands().get(1), "");
        if (length.isEmpty()) {
            return false;
        }
        try {
            long start = System.nanoTime();
            session.image().discard(offset.getAsLong(), length.getAsLong());
            long nanos = System.nanoTime() - start;
            if (!quiet) {
                Transfer.report(session, "discard", nanos, offset.getAsLong(), length.getAsLong(), length.getAsLong(),
                        terse);
            }
            return true;
        } catch (VzException failure) {
            session.say("discard failed: " + HostErrors.text(failure));
            return false;
        }
    }
}
