package dev.vz.samples.cli;

import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.Machine;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.RunningMachine;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.CodeBoot;
import java.time.Duration;
import java.util.HexFormat;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * What the launcher runs once while the JVM records which classes a start needs: every command's help, and a machine of
 * a few instructions on each back end that is there.
 */
@Command(name = "warm-up", hidden = true)
final class WarmUpCommand implements Callable<Integer> {

    private static final int EXIT_PORT = 0xF4;
    /** {@code mov dx, 0x3f8; mov al, 'x'; out dx, al; out 0xf4, al; hlt}. */
    private static final byte[] CODE = HexFormat.ofDelimiter(" ").parseHex("ba f8 03 b0 78 ee e6 f4 f4");
    private static final long ADDRESS = 0x1000;
    private static final long MEMORY = 16L << 20;
    private static final Duration LIMIT = Duration.ofSeconds(10);

    @Override
    public Integer call() throws InterruptedException {
        CommandLine line = Vz.commandLine();
        line.getSubcommands().values().forEach(command -> line.getOut().println(command.getUsageMessage()));
        for (Hypervisor hypervisor : Hypervisors.all()) {
            line.getOut().println(hypervisor.name() + ": " + hypervisor.availability());
            if (Hypervisors.missing(hypervisor, Capability.INTERRUPT_CONTROLLER).isEmpty()) {
                run(hypervisor);
            }
        }
        return Vz.DONE;
    }

    private static void run(Hypervisor hypervisor) throws InterruptedException {
        var boot = new CodeBoot(BootFile.of("warm-up code", CODE), ADDRESS, CodeBoot.Mode.REAL);
        MachineDescription description = MachineDescription.of("warm-up", boot).withMemory(MEMORY)
                .withPlatform(platform -> platform.withDebugExit(EXIT_PORT));
        try (BuiltMachine built = Machine.build(hypervisor, description); RunningMachine machine = built.start()) {
            machine.await(LIMIT);
        }
    }
}
