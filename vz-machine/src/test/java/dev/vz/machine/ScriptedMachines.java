package dev.vz.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.CodeBoot;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** What the tests with a scripted back end share. */
final class ScriptedMachines {

    static final int COM1 = 0x3F8;
    static final byte[] CODE = {(byte) 0xF4};
    static final ScriptedHypervisor.Script IDLE = (vcpu, index) -> false;

    private ScriptedMachines() {}

    static MachineDescription description() {
        return MachineDescription
                .of("test", new CodeBoot(BootFile.of("hlt", CODE), 0x1_0000, CodeBoot.Mode.LONG)).withMemory(4 << 20)
                .withPlatform(p -> p.withDebugExit(0xF4));
    }

    /** Runs a machine to its end, and checks that nothing of it is left. */
    static MachineOutcome outcomeOf(MachineDescription description, ScriptedHypervisor.Script script)
            throws InterruptedException {
        var hypervisor = new ScriptedHypervisor(script);
        try (RunningMachine machine = Machine.build(hypervisor, description).start()) {
            MachineOutcome outcome = machine.await();
            assertThat(machine.outcome()).contains(outcome);
            return outcome;
        } finally {
            assertThat(hypervisor.openMachines).hasValue(0);
            assertThat(hypervisor.openVcpus).hasValue(0);
        }
    }

    static void await(BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("within twenty seconds").isLessThan(deadline);
            Thread.sleep(1);
        }
    }
}
