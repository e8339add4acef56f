package dev.vz.samples.cli.io;

import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * {@code readv}, {@code writev} and the {@code aio_} commands. Requests are complete when their command is: nothing that a
 * script can see depends on their still being in flight.
 */
final class VectorCommands {

    private VectorCommands() {}

    static boolean readv(Session session, List<String> arguments) {
        return transfer(session, arguments, "readv", "CP:qv");
    }

    static boolean aioRead(Session session, List<String> arguments) {
        return transfer(session, arguments, "aio_read", "CP:iqv");
    }

    static boolean writev(Session session, List<String> arguments) {
        return transfer(session, arguments, "writev", "CfqP:");
    }

    static boolean aioWrite(Session session, List<String> arguments) {
        return transfer(session, arguments, "aio_write", "CfiqP:uz");
    }

    private static boolean transfer(Session session, List<String> arguments, String command, String letters) {
        boolean reads = command.contains("read");
        var letter = new boolean[128];
        OptionalInt pattern = OptionalInt.empty();
        var options = new GetOpt(arguments, letters, List.of());
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            if (option == GetOpt.UNKNOWN || option == GetOpt.NO_VALUE) {
                return CommandTable.usage(session, command);
            }
            letter[option] = true;
            if (option == 'P') {
                pattern = Transfer.pattern(session, options.value());
                if (pattern.isEmpty()) {
                    return false;
                }
            }
        }
        List<String> operands = options.operands();
        if (operands.size() < 2) {
            return CommandTable.usage(session, command);
        }
        if (letter['i']) {
            session.say("injecting invalid " + (reads ? "read" : "write") + " request");
            return true;
        }
        String conflict = letter['z'] && operands.size() != 2 ? "-z supports only a single length parameter"
                : letter['u'] && !letter['z'] ? "-u requires -z to be specified"
                        : letter['z'] && letter['P'] ? "-z and -P cannot be specified at the same time" : "";
        if (!conflict.isEmpty()) {
            session.say(conflict);
            return false;
        }
        OptionalLong offset = Transfer.number(session, operands.getFirst());
        OptionalLong length = offset.isEmpty() ? offset : Transfer.vector(session, operands.subList(1, operands
                .size()));
        return length.isPresent() && transfer(session, command, offset.getAsLong(), length.getAsLong(), pattern,
                letter);
    }

    private static boolean transfer(Session session, String command, long offset, long length, OptionalInt pattern,
            boolean[] letter) {
        boolean reads = command.contains("read");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(Math.max(length, 1)).asSlice(0, length);
            buffer.fill((byte) (reads ? Transfer.READ_FILL : pattern.orElse(Transfer.WRITE_FILL)));
            int flags = (letter['f'] ? BlockRequest.FUA : 0) | (letter['u'] ? BlockRequest.MAY_UNMAP : 0);
            var request = new BlockRequest().prepare(reads ? Operation.READ
                    : letter['z'] ? Operation.WRITE_ZEROES : Operation.WRITE, offset, length, flags);
            long start = System.nanoTime();
            session.image().await(letter['z'] ? request : request.addBuffer(buffer));
            if (reads) {
                session.copyOnRead(offset, length);
            }
            long nanos = System.nanoTime() - start;
            boolean good = true;
            if (reads && pattern.isPresent() && !Transfer.matches(buffer, 0, length, pattern.getAsInt())) {
                session.say("Pattern verification failed at offset " + offset + ", " + length + " bytes");
                good = false;
            }
            if (letter['q']) {
                return good;
            }
            if (reads && letter['v']) {
                Transfer.dump(session, buffer, offset);
            }
            Transfer.report(session, reads ? "read" : "wrote", nanos, offset, length, length, letter['C']);
            return good;
        } catch (VzException failure) {
            // The failure of an asynchronous request is told, but is not its command's.
            session.say((command.equals("aio_read") ? "readv" : command) + " failed: " + HostErrors.text(failure));
            return command.startsWith("aio");
        }
    }
}
