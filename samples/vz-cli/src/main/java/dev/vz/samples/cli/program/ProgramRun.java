package dev.vz.samples.cli.program;

import dev.vz.cpu.x86.CpuFeature;
import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.error.ConfigurationException;
import dev.vz.error.GuestException;
import dev.vz.error.HostException;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.Machine;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.MachineOutcome;
import dev.vz.machine.RestartPolicy;
import dev.vz.machine.RunningMachine;
import dev.vz.machine.boot.CodeBoot;
import dev.vz.machine.device.DebugExit;
import dev.vz.samples.cli.console.OutputPump;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One run of a test program.
 *
 * @param hypervisor what runs it
 * @param file       the program
 * @param arguments  its command line without its name
 * @param cpus       processors
 * @param memory     bytes
 * @param limit      after which it is ended
 */
public record ProgramRun(Hypervisor hypervisor, Path file, List<String> arguments, int cpus, long memory,
        Duration limit) {

    /** The status of a run that took too long. */
    public static final int TIMED_OUT = 124;

    private static final System.Logger LOG = System.getLogger(ProgramRun.class.getName());
    private static final List<CpuFeature> OPTIONAL = List.of(CpuFeature.SMEP, CpuFeature.SMAP, CpuFeature.UMIP,
            CpuFeature.PKU, CpuFeature.PKS);
    private static final Duration LAST_OUTPUT = Duration.ofSeconds(2);

    /**
     * Runs it and copies what it writes to its serial port.
     *
     * @return {@code 2 n + 1} if it wrote {@code n} to the debug exit, as QEMU ends for it; 0 if it switched the machine
     *         off; {@link #TIMED_OUT}
     * @throws GuestException if it crashed
     */
    public int run(OutputStream output) throws InterruptedException {
        String name = file.getFileName().toString();
        String commandLine = arguments.isEmpty() ? name : name + " " + String.join(" ", arguments);
        CodeBoot boot = MultibootProgram.boot(name, read(), commandLine, memory);
        MachineDescription description = MachineDescription.of("program", boot).withMemory(memory).withCpus(cpus)
                .withPlatform(platform -> platform.withDebugExit(DebugExit.DEFAULT_PORT)).onReset(RestartPolicy.END);
        try (BuiltMachine built = Machine.build(hypervisor, description)) {
            TestDevices.attach(built, cpus, memory);
            built.virtualMachine().vcpus().forEach(ProgramRun::offerAll);
            var port = built.serialPorts().getFirst();
            var broken = new AtomicReference<@Nullable IOException>();
            var pump = new OutputPump(output, "vz-output-program", port::lineReady, broken::set);
            try {
                port.connect(value -> {
                    boolean ready = pump.ready();
                    if (ready) {
                        pump.write((byte) value);
                    }
                    return ready;
                });
                try (RunningMachine machine = built.start()) {
                    int status = machine.await(limit).map(ProgramRun::status).orElse(TIMED_OUT);
                    pump.close(LAST_OUTPUT);
                    IOException failure = broken.get();
                    if (failure != null) {
                        throw new HostException("write", "standard output", failure);
                    }
                    return status;
                }
            } finally {
                pump.close(LAST_OUTPUT);
            }
        }
    }

    /** Shows the program all protection that the processor has, also what a stock guest is not shown. */
    private static void offerAll(X86Vcpu vcpu) {
        for (CpuFeature feature : OPTIONAL) {
            Cpuid more = vcpu.cpuid().with(feature, true);
            try {
                vcpu.setCpuid(more);
            } catch (ConfigurationException absent) {
                LOG.log(System.Logger.Level.DEBUG, "the processor does not have {0}", feature);
            }
        }
    }

    private byte[] read() {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new HostException("read", file.toString(), e);
        }
    }

    private static int status(MachineOutcome outcome) {
        return switch (outcome) {
            case MachineOutcome.DebugExit(int value) -> (value << 1 | 1) & 0xFF;
            case MachineOutcome.PoweredOff _ -> 0;
            case MachineOutcome.Crashed(int vcpu, var _, var error) -> throw new GuestException("The program crashed "
                    + "on processor " + vcpu + ": " + error.getMessage(), error);
            case MachineOutcome.Reset(String source) ->
                    throw new GuestException("The program reset the machine through "
                            + source);
            case MachineOutcome.Stopped _ -> throw new GuestException("The program was stopped");
        };
    }
}
