package dev.vz.samples.cli.guest;

import dev.vz.hypervisor.Hypervisor;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.Machine;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.RestartPolicy;
import dev.vz.machine.RunningMachine;
import dev.vz.machine.boot.LinuxBoot;
import dev.vz.machine.serial.Uart16550;
import dev.vz.samples.cli.console.GuestInput;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** One machine from power-on to its end, connected to the streams of the host. Used once, by one thread. */
final class GuestSession {

    private static final String NAME = "guest";
    /** From the command's status to the guest's power-off takes a guest milliseconds. */
    private static final Duration LINGER = Duration.ofSeconds(10);
    /** What is still on its way when a guest is ended by force. */
    private static final Duration LAST_OUTPUT = Duration.ofSeconds(1);
    private static final Duration UNLIMITED = Duration.ofDays(365);
    private static final long POLL_MILLISECONDS = 50;

    private final GuestOptions options;
    private final HostStreams streams;
    private final CompletableFuture<GuestEnd> end = new CompletableFuture<>();
    private final ConsoleLog log = new ConsoleLog();
    private final List<ConnectedPort> ports = new ArrayList<>();
    private @Nullable ExecReport report;
    private boolean byItself;
    private volatile @Nullable RunningMachine running;

    GuestSession(GuestOptions options, HostStreams streams) {
        this.options = options;
        this.streams = streams;
    }

    /**
     * Runs the machine until it ends or is ended.
     *
     * @param marker surrounds the output of {@link GuestOptions#exec()}
     * @param typist where keys and piped bytes for the guest come from; unused with a command to run
     */
    GuestEnd run(Hypervisor hypervisor, LinuxBoot boot, String marker, Typist typist) throws InterruptedException {
        boolean exec = options.exec() != null;
        MachineDescription description = MachineDescription.of(NAME, boot)
                .withMemory(options.devices().memory(options.memory()))
                .withCpus(options.cpus()).withPlatform(platform -> platform.withSerialPorts(exec ? 2 : 1))
                .onReset(RestartPolicy.END);
        try (BuiltMachine built = Machine.build(hypervisor, description)) {
            options.devices().attach(built);
            GuestInput input = exec ? null : new GuestInput(built.serialPorts().getFirst(), typist.waitsForDriver());
            try (input) {
                connect(built.serialPorts(), marker, input);
                try (RunningMachine machine = built.start()) {
                    running = machine;
                    machine.completion().thenAccept(outcome -> end.complete(new GuestEnd.ByItself(outcome)));
                    if (input != null) {
                        typist.typeInto(input, this);
                    }
                    GuestEnd ended = await();
                    byItself = ended instanceof GuestEnd.ByItself;
                    return ended;
                } finally {
                    running = null;
                }
            } finally {
                closePorts();
            }
        }
    }

    private void connect(List<Uart16550> serial, String marker, @Nullable GuestInput input) {
        if (input != null) {
            ports.add(ConnectedPort.connect(serial.getFirst(), streams.out(), stream -> value -> {
                log.write(value);
                stream.write(value);
            }, input, failure -> broken("standard output", failure)));
            return;
        }
        // Two ports, two sinks, one report: each sink writes to the stream that its port waits for.
        var sinks = new ExecReport.Sink[2];
        var built = new ExecReport(marker, value -> sinks[1].write(value), value -> {
            log.write(value);
            sinks[0].write(value);
        }, value -> {
            log.write(value);
            if (options.verbose()) {
                sinks[0].write(value);
            }
        }, trouble -> end.complete(new GuestEnd.Failed(trouble)));
        report = built;
        ports.add(ConnectedPort.connect(serial.get(0), streams.err(), stream -> {
            sinks[0] = stream;
            return built::console;
        }, null, failure -> broken("standard error", failure)));
        ports.add(ConnectedPort.connect(serial.get(1), streams.out(), stream -> {
            sinks[1] = stream;
            return built::data;
        }, null, failure -> broken("standard output", failure)));
    }

    private void broken(String stream, IOException failure) {
        end.complete(new GuestEnd.Failed("nobody takes the guest's output any more: writing " + stream + " failed: "
                + failure.getMessage()));
    }

    private GuestEnd await() throws InterruptedException {
        Duration limit = options.timeout();
        long start = System.nanoTime();
        long completed = 0;
        while (true) {
            try {
                return end.get(POLL_MILLISECONDS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException running) {
                long now = System.nanoTime();
                if (limit != null && now - start > limit.toNanos()) {
                    return new GuestEnd.TimedOut(limit);
                }
                if (completed == 0 && report != null && report.complete()) {
                    completed = now;
                }
                if (completed != 0 && now - completed > LINGER.toNanos()) {
                    return new GuestEnd.Lingering();
                }
            } catch (ExecutionException impossible) {
                throw new IllegalStateException(impossible);
            }
        }
    }

    /** A guest that ended by itself has a right to be heard to the end, however slow the reader. */
    private void closePorts() {
        if (report != null) {
            report.finish();
        }
        ports.forEach(port -> port.close(byItself ? UNLIMITED : LAST_OUTPUT));
    }

    /** The person at the terminal wants it ended. */
    void quit() {
        end.complete(new GuestEnd.Quit());
    }

    /** The person at the terminal presses the power button. */
    void powerButton() {
        RunningMachine machine = running;
        if (machine != null) {
            machine.shutdown();
        }
    }

    /** What its console said. */
    ConsoleLog log() {
        return log;
    }

    /** The status of {@link GuestOptions#exec()}, if it was told. */
    OptionalInt status() {
        return report == null ? OptionalInt.empty() : report.status();
    }

    /** Whether {@link GuestOptions#exec()} was started. */
    boolean begun() {
        return report != null && report.begun();
    }
}
