package dev.vz.samples.cli.io;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** {@code read}. */
final class ReadCommands {

    private ReadCommands() {}

    static boolean read(Session session, List<String> arguments) {
        boolean state = false;
        boolean terse = false;
        boolean quiet = false;
        boolean verbose = false;
        OptionalInt pattern = OptionalInt.empty();
        OptionalLong patternFrom = OptionalLong.empty();
        OptionalLong patternLength = OptionalLong.empty();
        var options = new GetOpt(arguments, "bCl:pP:qs:v", List.of());
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'b' -> state = true;
                case 'C' -> terse = true;
                case 'p' -> {
                    // A flag of the past that does nothing any more.
                }
                case 'q' -> quiet = true;
                case 'v' -> verbose = true;
                case 'P' -> {
                    pattern = Transfer.pattern(session, options.value());
                    if (pattern.isEmpty()) {
                        return false;
                    }
                }
                case 's' -> {
                    patternFrom = Transfer.number(session, options.value());
                    if (patternFrom.isEmpty()) {
                        return false;
                    }
                }
                case 'l' -> {
                    patternLength = Transfer.number(session, options.value());
                    if (patternLength.isEmpty()) {
                        return false;
                    }
                }
                default -> {
                    return CommandTable.usage(session, "read");
                }
            }
        }
        if (options.operands().size() != 2) {
            return CommandTable.usage(session, "read");
        }
        OptionalLong offset = Transfer.number(session, options.operands().get(0));
        OptionalLong length = offset.isEmpty() ? offset : Transfer.length(session, options.operands().get(1), "");
        if (length.isEmpty()) {
            return false;
        }
        if (pattern.isEmpty() && (patternFrom.isPresent() || patternLength.isPresent())) {
            return CommandTable.usage(session, "read");
        }
        long from = patternFrom.orElse(0);
        long compared = patternLength.orElse(length.getAsLong() - from);
        if (compared < 0 || from > length.getAsLong() - compared) {
            session.say("pattern verification range exceeds end of read data");
            return false;
        }
        return read(session, offset.getAsLong(), length.getAsLong(), new Check(pattern, from, compared), state, terse,
                quiet, verbose);
    }

    private record Check(OptionalInt pattern, long from, long length) {}

    private static boolean read(Session session, long offset, long length, Check check, boolean state, boolean terse,
            boolean quiet, boolean verbose) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(Math.max(length, 1)).asSlice(0, length);
            buffer.fill((byte) Transfer.READ_FILL);
            long start = System.nanoTime();
            if (state) {
                session.image().readState(offset, buffer);
            } else {
                session.image().read(offset, buffer);
                session.copyOnRead(offset, length);
            }
            long nanos = System.nanoTime() - start;
            boolean good = true;
            if (check.pattern().isPresent() && !Transfer.matches(buffer, check.from(), check.length(), check.pattern()
                    .getAsInt())) {
                session.say("Pattern verification failed at offset " + (offset + check.from()) + ", " + check.length()
                        + " bytes");
                good = false;
            }
            if (quiet) {
                return good;
            }
            if (verbose) {
                Transfer.dump(session, buffer, offset);
            }
            Transfer.report(session, "read", nanos, offset, length, length, terse);
            return good;
        } catch (VzException failure) {
            session.say("read failed: " + HostErrors.text(failure));
            return false;
        }
    }
}
