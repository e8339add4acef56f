package dev.vz.samples.cli;

import dev.vz.error.VzException;
import dev.vz.samples.cli.bench.BenchCommand;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.Program;
import dev.vz.samples.cli.nbd.NbdCommand;
import dev.vz.samples.cli.net.NetCommand;
import dev.vz.samples.cli.net.NatCommand;
import dev.vz.samples.cli.net.SwitchCommand;
import dev.vz.samples.cli.vhost.VhostUserCommand;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The {@code vz} command; its subcommands do the work. */
@Command(name = "vz", mixinStandardHelpOptions = true, header = "Virtual machines from the Vz modules.", synopsisSubcommandLabel = "COMMAND", versionProvider = Vz.Version.class, subcommands = {
    BootCommand.class, ProgramCommand.class, ImageVerb.class, IoVerb.class, NbdCommand.class, VhostUserCommand.class,
    NatCommand.class, SwitchCommand.class, NetCommand.class, BenchCommand.class,
    WarmUpCommand.class}, commandListHeading = "%n@|bold Commands:|@%n", footerHeading = "%n@|bold Examples:|@%n", footer = {
        "  vz boot --exec 'uname -a'     run one command in a new Linux guest",
        "  vz boot --help                all about booting",
        "  vz image convert -O qcow2 disk.vmdk disk.qcow2",
        "  vz nbd serve -t -k SOCKET -f qcow2 disk.qcow2",
        "  vz nat --tap tap0 --dhcp 10.0.2.15-10.0.2.99 --dns host   a gateway for a guest on tap0",
        "  vz switch --port tap=tap0 --port listen=/run/guests       an Ethernet switch", "",
        "@|bold Environment:|@ VZ_JAVA_HOME  the JDK to use (25 or later)",
        "             VZ_CACHE      where fetched guests are kept (default: ~/.cache/vz)"})
public final class Vz implements Runnable {

    /** The work was done. */
    static final int DONE = 0;
    /** The work failed; one line on standard error says what, where and what to do. */
    static final int FAILED = 1;
    /** The command line is wrong. */
    static final int WRONG_USAGE = 2;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    /** Runs the command line and ends the process with its status. */
    public static void main(String[] arguments) {
        Program.startedAs(System.getProperty("vz.program", "vz"));
        System.exit(DiskTools.isOne(arguments) ? DiskTools.run(arguments) : commandLine().execute(arguments));
    }

    /** The command line with its error texts and exit statuses. */
    static CommandLine commandLine() {
        return new CommandLine(new Vz()).setExecutionExceptionHandler((failure, line, parsed) -> failed(failure, line))
                .setParameterExceptionHandler((wrong, arguments) -> wrongUsage(wrong)).setUsageHelpWidth(100)
                .setCaseInsensitiveEnumValuesAllowed(true);
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Name a command");
    }

    private static int wrongUsage(ParameterException wrong) {
        CommandLine line = wrong.getCommandLine();
        PrintWriter err = line.getErr();
        err.println("vz: " + wrong.getMessage());
        UnmatchedArgumentException.printSuggestions(wrong, err);
        err.println("vz: see " + line.getCommandSpec().qualifiedName() + " --help");
        return WRONG_USAGE;
    }

    private static int failed(Exception failure, CommandLine line) {
        if (failure instanceof CommandFailure told) {
            line.getErr().println(Program.name() + ": " + told.getMessage());
            return told.status();
        }
        if (failure instanceof VzException) {
            line.getErr().println("vz: " + failure.getMessage());
        } else {
            line.getErr().println("vz: an error that vz did not expect; please report it with what follows");
            failure.printStackTrace(line.getErr());
        }
        return FAILED;
    }

    /** The version that the build wrote into the module. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Vz.class.getModule().getDescriptor().rawVersion().orElse("from an unpackaged build");
            return new String[] {"vz " + version + ", Java " + Runtime.version()};
        }
    }
}
