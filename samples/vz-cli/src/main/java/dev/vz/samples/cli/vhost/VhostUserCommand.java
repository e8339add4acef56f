package dev.vz.samples.cli.vhost;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vz vhost-user}: names the devices that can be served. */
@Command(name = "vhost-user", mixinStandardHelpOptions = true, header = "Serves a device to another virtual machine monitor.", synopsisSubcommandLabel = "DEVICE", commandListHeading = "%n@|bold Devices:|@%n", subcommands = {
    DiskCommand.class, NetworkCommand.class, FolderCommand.class}, footerHeading = "%n@|bold Examples:|@%n", footer = {
        "  vz vhost-user blk --socket /tmp/d.sock --disk file=root.qcow2,format=qcow2",
        "  vz vhost-user net --socket /tmp/n.sock --link discard",
        "  vz vhost-user fs --socket /tmp/f.sock --share /srv/share"})
public final class VhostUserCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    /** Made by picocli. */
    public VhostUserCommand() {}

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Name a device");
    }
}
