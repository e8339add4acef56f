package dev.vz.samples.cli.bench;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vz bench}; its subcommands measure. */
@Command(name = "bench", mixinStandardHelpOptions = true, header = "Measures vz beside QEMU and other peers.", synopsisSubcommandLabel = "COMMAND", subcommands = {
    CpuBench.class, BootBench.class, GuestBench.class, CostBench.class, StorageBench.class,
    NetBench.class}, footerHeading = "%n@|bold Examples:|@%n", footer = {
        "  vz bench cpu                  seventeen kernels of C code on translated code and on TCG",
        "  vz bench boot --cpus 2        the guest kit from the command line to power-off, on both",
        "  vz bench guest --only disk    what a guest's programs get of its disk, on both",
        "  vz bench cost idle memory     what a guest that waits takes of its host",
        "  vz bench storage --only nbd   our NBD server, qemu-nbd and nbdkit, asked by fio",
        "  vz bench net nat --rounds 3   a gateway's speed beside pasta's and slirp4netns's"})
public final class BenchCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    /** Made by the command line. */
    public BenchCommand() {}

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(),
                "Name what to measure: cpu, boot, guest, cost, storage or net");
    }

    /** A number from the command line, checked. */
    static int positive(CommandSpec spec, String option, int value, int most) {
        if (value < 1 || value > most) {
            throw new ParameterException(spec.commandLine(),
                    "Invalid value for option '" + option + "': " + value + " is not between 1 and " + most);
        }
        return value;
    }
}
