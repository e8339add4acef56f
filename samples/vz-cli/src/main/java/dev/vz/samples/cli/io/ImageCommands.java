package dev.vz.samples.cli.io;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.Allocation;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageFacts;
import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.DiskImage;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** Commands about the image as a whole and about the program. */
final class ImageCommands {

    private ImageCommands() {}

    static boolean close(Session session, List<String> arguments) {
        session.close();
        return true;
    }

    static boolean flush(Session session, List<String> arguments) {
        try {
            session.image().flush();
            return true;
        } catch (VzException failure) {
            session.complain("flush failed: " + HostErrors.text(failure));
            return false;
        }
    }

    static boolean length(Session session, List<String> arguments) {
        session.say(Sizes.decimals(session.image().info().size()));
        return true;
    }

    static boolean info(Session session, List<String> arguments) {
        DiskImage image = session.image();
        String protocol = session.protocol();
        if (protocol != null) {
            // It is both, to those who look.
            session.say("format name: " + protocol);
            session.say("format name: " + protocol);
            return false;
        }
        session.say("format name: " + image.driver().format().label());
        OptionalLong cluster = ImageFacts.clusterSize(image);
        if (cluster.isEmpty()) {
            return false;
        }
        session.say("cluster size: " + Sizes.decimals(cluster.getAsLong()));
        session.say("vm state offset: " + Sizes.decimals(ImageFacts.vmStateOffset(image)));
        Map<String, Object> specific = ImageFacts.specific(image);
        if (!specific.isEmpty()) {
            session.say("Format specific information:");
            session.out.print(ImageFacts.text(specific));
        }
        return true;
    }

    static boolean alloc(Session session, List<String> arguments) {
        OptionalLong offset = Transfer.number(session, arguments.getFirst());
        OptionalLong count = offset.isEmpty() || arguments.size() < 2 ? OptionalLong.of(512)
                : Transfer.number(session, arguments.get(1));
        if (offset.isEmpty() || count.isEmpty()) {
            return false;
        }
        try {
            long at = offset.getAsLong();
            long end = Math.min(at + count.getAsLong(), Math.max(at, session.image().info().size()));
            long asked = end - at;
            long sum = 0;
            while (at < end) {
                Allocation.Run run = Allocation.at(session.image(), at, end - at);
                sum += run.allocated() ? run.length() : 0;
                at += run.length();
            }
            session.say(sum + "/" + asked + " bytes allocated at offset " + Sizes.decimals(offset.getAsLong()));
            return true;
        } catch (VzException failure) {
            session.say("is_allocated failed: " + HostErrors.text(failure));
            return false;
        }
    }

    static boolean map(Session session, List<String> arguments) {
        long size = session.image().info().size();
        long at = 0;
        try {
            while (at < size) {
                Allocation.Run first = Allocation.at(session.image(), at, size - at);
                long length = first.length();
                while (at + length < size) {
                    Allocation.Run next = Allocation.at(session.image(), at + length, size - at - length);
                    if (next.allocated() != first.allocated()) {
                        break;
                    }
                    length += next.length();
                }
                session.say(Sizes.decimals(length) + " (0x" + Long.toHexString(length) + ") bytes "
                        + (first.allocated() ? "    allocated" : "not allocated") + " at offset " + Sizes.decimals(at)
                        + " (0x" + Long.toHexString(at) + ")");
                at += length;
            }
            return true;
        } catch (VzException failure) {
            session.complain("Failed to get allocation status: " + HostErrors.text(failure));
            return false;
        }
    }

    static boolean truncate(Session session, List<String> arguments) {
        var options = new GetOpt(arguments, "m:", List.of());
        String preallocation = "off";
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            if (option != 'm') {
                return CommandTable.usage(session, "truncate");
            }
            preallocation = options.value();
        }
        if (!List.of("off", "metadata", "falloc", "full").contains(preallocation)) {
            session.complain("Invalid preallocation mode '" + preallocation + "'");
            return false;
        }
        OptionalLong size = Transfer.number(session, options.operands().getFirst());
        if (size.isEmpty()) {
            return false;
        }
        try {
            ImageFacts.resize(session.image(), size.getAsLong(), preallocation);
            return true;
        } catch (VzException failure) {
            session.complain(HostErrors.text(failure));
            return false;
        }
    }

    static boolean sleep(Session session, List<String> arguments) {
        try {
            Thread.sleep(Long.parseLong(arguments.getFirst()));
            return true;
        } catch (NumberFormatException wrong) {
            session.say(arguments.getFirst() + " is not a valid number");
            return false;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Sends the signal to this process: nothing is written or closed before, which is what scripts want to see. */
    static boolean sigraise(Session session, List<String> arguments) {
        OptionalLong signal = Transfer.number(session, arguments.getFirst());
        if (signal.isEmpty()) {
            return false;
        }
        if (signal.getAsLong() > 64) {
            session.say("signal argument '" + arguments.getFirst() + "' is too large to be a valid signal");
            return false;
        }
        session.out.flush();
        try {
            new ProcessBuilder("kill", "-" + signal.getAsLong(), Long.toString(ProcessHandle.current().pid()))
                    .inheritIO().start().waitFor();
            Thread.sleep(1000); // the signal is on its way
        } catch (IOException failure) {
            session.complain("cannot raise a signal: " + failure.getMessage());
            return false;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        return true;
    }

    static boolean help(Session session, List<String> arguments) {
        if (arguments.isEmpty()) {
            CommandTable.ALL.forEach(entry -> session.say(entry.name() + " " + (entry.usage().isEmpty() ? ""
                    : entry.usage() + " ") + "-- " + entry.summary()));
            session.say("\nUse 'help commandname' for extended help.");
            return true;
        }
        if (CommandTable.find(arguments.getFirst()).isEmpty()) {
            session.say("command " + arguments.getFirst() + " not found");
            return true;
        }
        CommandTable.usage(session, arguments.getFirst());
        return true;
    }
}
