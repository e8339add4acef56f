package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.Program;
import dev.vz.storage.image.ImageFormat;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The {@code vz image} command. */
public final class ImageCommand {

    /** What one of its commands does with its arguments: the exit status. */
    @FunctionalInterface
    interface Action {
        int run(Console console, List<String> arguments);
    }

    private static final Map<String, Action> COMMANDS = new TreeMap<>(Map.ofEntries(
            Map.entry("amend", AmendCommand::run), Map.entry("bench", BenchCommand::run),
            Map.entry("bitmap", BitmapCommand::run), Map.entry("check", CheckCommand::run),
            Map.entry("commit", CommitCommand::run), Map.entry("compare", CompareCommand::run),
            Map.entry("convert", ConvertCommand::run), Map.entry("create", CreateCommand::run),
            Map.entry("dd", DdCommand::run), Map.entry("info", InfoCommand::run), Map.entry("map", MapCommand::run),
            Map.entry("measure", MeasureCommand::run), Map.entry("rebase", RebaseCommand::run),
            Map.entry("resize", ResizeCommand::run), Map.entry("snapshot", SnapshotCommand::run)));

    private ImageCommand() {}

    /** Carries out {@code arguments}; the exit status. */
    public static int run(List<String> arguments, PrintStream out, PrintStream err) {
        var console = new Console(out, err);
        try {
            return dispatch(console, arguments);
        } catch (CommandFailure failure) {
            console.complain(failure);
            return failure.status();
        } catch (VzException failure) {
            console.complain(HostErrors.text(failure));
            return 1;
        }
    }

    private static int dispatch(Console console, List<String> arguments) {
        var options = new GetOpt(arguments, "+hVT:", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "version", false, 'V'), new GetOpt.Long("trace", true, 'T')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'h' -> {
                    help(console);
                    return 0;
                }
                case 'V' -> {
                    console.say(Program.name() + " version 7.2 (what scripts may count on)");
                    return 0;
                }
                case 'T' -> {
                    // Nothing is traced; the result is the same.
                }
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (options.operands().isEmpty()) {
            throw Console.usage("Not enough arguments");
        }
        String name = options.operands().getFirst();
        Action action = COMMANDS.get(name);
        if (action == null) {
            throw Console.usage("Command not found: " + name);
        }
        return action.run(console, options.operands().subList(1, options.operands().size()));
    }

    private static void help(Console console) {
        console.say("usage: " + Program.name() + " [standard options] command [command options]");
        console.say("Disk image utility");
        console.say("");
        console.say("Commands: " + String.join(", ", COMMANDS.keySet()));
        console.say("");
        console.say(
                "Supported formats: " + Arrays.stream(ImageFormat.values()).map(ImageFormat::label).sorted().collect(
                        Collectors.joining(" ")));
    }
}
