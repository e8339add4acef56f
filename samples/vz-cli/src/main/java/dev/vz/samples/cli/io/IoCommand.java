package dev.vz.samples.cli.io;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CacheOption;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Program;
import dev.vz.storage.file.CacheMode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The {@code vz io} command: opens an image and carries out commands, from {@code -c} options or standard input. */
public final class IoCommand {

    private static final int OBJECT = 256;
    private static final int IMAGE_OPTIONS = 257;
    private static final List<GetOpt.Long> LONG = List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
            "version", false, 'V'), new GetOpt.Long("cmd", true, 'c'), new GetOpt.Long("format", true, 'f'),
            new GetOpt.Long("read-only", false, 'r'), new GetOpt.Long("snapshot", false, 's'), new GetOpt.Long(
                    "nocache", false, 'n'),
            new GetOpt.Long("copy-on-read", false, 'C'), new GetOpt.Long("misalign", false, 'm'), new GetOpt.Long(
                    "native-aio", false, 'k'),
            new GetOpt.Long("aio", true, 'i'), new GetOpt.Long("discard", true, 'd'), new GetOpt.Long("cache", true,
                    't'),
            new GetOpt.Long("trace", true, 'T'), new GetOpt.Long("force-share", false, 'U'), new GetOpt.Long("object",
                    true, OBJECT),
            new GetOpt.Long("image-opts", false, IMAGE_OPTIONS));

    private final PrintStream out;
    private final PrintStream err;
    private final InputStream in;
    private final List<String> commands = new ArrayList<>();
    private ImageStore.Mode mode = ImageStore.Mode.WRITE;
    private @Nullable String format;
    private boolean readOnly;
    private boolean imageOptions;
    private boolean copyOnRead;
    private boolean temporary;

    private IoCommand(InputStream in, PrintStream out, PrintStream err) {
        this.in = in;
        this.out = out;
        this.err = err;
    }

    /** Carries out {@code arguments}; the exit status: 0, or 1 if a command failed. */
    public static int run(List<String> arguments, InputStream in, PrintStream out, PrintStream err) {
        try {
            return new IoCommand(in, out, err).run(arguments);
        } catch (CommandFailure failure) {
            out.flush();
            err.println(Program.name() + ": " + failure.getMessage());
            return failure.status();
        }
    }

    private int run(List<String> arguments) {
        var options = new GetOpt(arguments, "hVc:d:f:rsnCmki:t:T:U", LONG);
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            if (option == 'h') {
                out.println("Usage: " + Program.name() + " [OPTIONS]... [-c STRING]... [file]");
                out.println("Disk exerciser; -c 'help' lists its commands");
                return 0;
            }
            if (option == 'V') {
                out.println(Program.name() + " version 7.2 (what scripts may count on)");
                return 0;
            }
            take(option, options);
        }
        List<String> files = options.operands();
        if (files.size() > 1) {
            out.println("Usage: " + Program.name() + " [OPTIONS]... [-c STRING]... [file]");
            return 1;
        }
        if (imageOptions && format != null) {
            throw new CommandFailure("--image-opts and -f are mutually exclusive");
        }
        var session = new Session(out, err, mode);
        if (!files.isEmpty()) {
            ImageSpec spec;
            try {
                spec = imageOptions ? ImageSpec.ofOptions(files.getFirst())
                        : ImageSpec.ofName(files.getFirst(), format);
            } catch (CommandFailure failure) {
                throw new CommandFailure("can't open device " + files.getFirst() + ": " + failure.getMessage());
            }
            if (copyOnRead && readOnly) {
                throw new CommandFailure("can't open device " + spec.name()
                        + ": Can't use copy-on-read on read-only device");
            }
            session.setCopyOnRead(copyOnRead);
            boolean opened = temporary ? session.openTemporary(spec, mode) : session.open(spec, mode.withReadOnly(
                    readOnly));
            if (!opened) {
                return 1;
            }
        }
        return perform(session);
    }

    private void take(int option, GetOpt options) {
        switch (option) {
            case 'c' -> commands.add(options.value());
            case 'f' -> format = options.value();
            case 'r' -> readOnly = true;
            case 'n' -> mode = mode.withCache(CacheMode.WRITEBACK);
            case 't' -> mode = mode.withCache(CacheOption.parse(options.value()).orElseThrow(
                    () -> new CommandFailure("Invalid cache option: " + options.value())));
            case 'i' -> {
                if (!List.of("threads", "native", "io_uring").contains(options.value())) {
                    throw new CommandFailure("Invalid aio option: " + options.value());
                }
            }
            case 'd' -> {
                if (!List.of("ignore", "off", "unmap", "on").contains(options.value())) {
                    throw new CommandFailure("Invalid discard option: " + options.value());
                }
            }
            case 's' -> temporary = true;
            case 'C' -> copyOnRead = true;
            case 'm', 'k', 'T', 'U' -> {
                // How the host is driven; the result is the same.
            }
            case IMAGE_OPTIONS -> imageOptions = true;
            case OBJECT -> dev.vz.samples.cli.disk.Secrets.add(options.value());
            default -> throw new CommandFailure("unrecognized option '" + options.word() + "'");
        }
    }

    private int perform(Session session) {
        boolean good = true;
        try {
            if (!commands.isEmpty()) {
                for (String command : commands) {
                    good &= session.hasQuit() || CommandTable.run(session, command);
                }
            } else {
                good = interact(session);
            }
        } finally {
            out.flush();
            try {
                session.close();
            } catch (VzException failure) {
                // What was written is in the file or was reported; only the last bookkeeping could not be.
                session.complain(failure.getMessage());
                good = false;
            }
        }
        return good ? 0 : 1;
    }

    private boolean interact(Session session) {
        boolean good = true;
        var lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        try {
            while (!session.hasQuit()) {
                out.print(Program.name() + "> ");
                out.flush();
                String line = lines.readLine();
                if (line == null) {
                    return good;
                }
                good &= CommandTable.run(session, line);
            }
        } catch (IOException failure) {
            session.complain("cannot read commands: " + failure.getMessage());
            return false;
        }
        return good;
    }
}
