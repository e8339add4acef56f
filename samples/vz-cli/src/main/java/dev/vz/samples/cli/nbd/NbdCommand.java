package dev.vz.samples.cli.nbd;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vz nbd}: the network block device protocol, both sides. */
@Command(name = "nbd", mixinStandardHelpOptions = true, header = "Serves disk images over NBD, and uses other servers.", synopsisSubcommandLabel = "COMMAND", subcommands = {
    ServeCommand.class, InfoCommand.class, CopyCommand.class}, footerHeading = "%n@|bold Examples:|@%n", footer = {
        "  vz nbd serve -t -k /tmp/disk.sock -f qcow2 disk.qcow2",
        "  vz nbd serve -L -k /tmp/disk.sock",
        "  vz nbd info nbd+unix:///?socket=/tmp/disk.sock",
        "  vz nbd copy nbd://host/disk disk.raw"})
public final class NbdCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Name a command of nbd: serve, info or copy");
    }
}
