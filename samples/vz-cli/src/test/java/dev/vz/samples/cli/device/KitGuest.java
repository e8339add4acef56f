package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.error.VzException;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.Machine;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.MachineOutcome;
import dev.vz.machine.RunningMachine;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.LinuxBoot;
import dev.vz.machine.serial.SerialConsole;
import dev.vz.samples.cli.kit.CacheFolder;
import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.KernelModules;
import dev.vz.samples.cli.kit.KitInitramfs;
import dev.vz.samples.cli.kit.Progress;
import dev.vz.testing.Peers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * Debian's unmodified kernel on the software CPU, with a script of the test's as its only program and devices of the test's.
 * What the script prints arrives at the second serial port, its trouble at the first.
 */
final class KitGuest implements AutoCloseable {

    /** What a guest may take where other work keeps the host's processors busy; alone it takes about a tenth of it. */
    static final Duration LIMIT = Duration.ofSeconds(150);

    private final RunningMachine machine;
    private final SerialConsole console;
    private final SerialConsole output;

    private KitGuest(RunningMachine machine, SerialConsole console, SerialConsole output) {
        this.machine = machine;
        this.console = console;
        this.output = output;
    }

    /** The kit; the test goes on only if apt can fetch it here. */
    static DebianGuestKit kit() {
        return fetched(DebianGuestKit::in);
    }

    private static DebianGuestKit fetched(BiFunction<CacheFolder, Progress, DebianGuestKit> fetch) {
        try {
            var cache = new CacheFolder(Path.of(System.getProperty("vz.cli.target", "target"), "test-cache"));
            return fetch.apply(cache, Progress.SILENT);
        } catch (VzException failure) {
            Peers.require(false, "the Debian guest kit cannot be fetched: " + failure.getMessage());
            throw failure;
        }
    }

    /** Starts a guest with {@code cpus} processors and {@code devices}, and {@code script} running. */
    static KitGuest start(int cpus, GuestDevices devices, String script) {
        return start(kit(), cpus, devices.modules(), devices.setup(),
                machine -> machine.withMemory(devices.memory(machine.memory().size())), devices::attach, script);
    }

    /** Starts a guest with {@code cpus} processors, {@code modules} loaded and {@code script} running. */
    static KitGuest start(int cpus, Set<String> modules, Consumer<BuiltMachine> devices, String script) {
        return start(kit(), cpus, modules, KitInitramfs.Setup.NONE, machine -> machine, devices, script);
    }

    /** Starts a guest with a display of that many pixels, {@code modules} loaded and {@code script} running. */
    static KitGuest startWithDisplay(int width, int height, Set<String> modules, Consumer<BuiltMachine> devices,
            String script) {
        return start(kit(), 1, modules, KitInitramfs.Setup.NONE,
                machine -> machine.withPlatform(platform -> platform.withDisplay(width, height)), devices, script);
    }

    /** Starts a guest with Debian's kernel for all machines and {@code cpus} processors. */
    static KitGuest startStandard(int cpus, String script) {
        return start(fetched(DebianGuestKit::standardIn), cpus, Set.of(), KitInitramfs.Setup.NONE, machine -> machine,
                machine -> {}, script);
    }

    /** Starts a guest with Debian's kernel for all machines, {@code more} modules and devices. */
    static KitGuest startStandard(GuestDevices devices, Set<String> more, Consumer<BuiltMachine> moreDevices,
            String script) {
        Set<String> modules = new LinkedHashSet<>(devices.modules());
        modules.addAll(more);
        return start(fetched(DebianGuestKit::standardIn), 2, modules, devices.setup(), machine -> machine,
                machine -> {
                    devices.attach(machine);
                    moreDevices.accept(machine);
                }, script);
    }

    private static KitGuest start(DebianGuestKit kit, int cpus, Set<String> modules, KitInitramfs.Setup setup,
            UnaryOperator<MachineDescription> shape, Consumer<BuiltMachine> devices, String script) {
        var initramfs = new KitInitramfs(kit.busybox(), KitInitramfs.Terminal.UNKNOWN,
                new KitInitramfs.Exec(script, "marker"), new KernelModules(kit.modules()).inOrder(modules), setup);
        LinuxBoot boot = LinuxBoot.of(BootFile.of(kit.kernel())).withUnpack(true)
                .withInitrd(BootFile.of("initramfs", initramfs.archive()))
                .withCommandLine("console=ttyS0 panic=-1 " + KitInitramfs.COMMAND_LINE);
        BuiltMachine built = Machine.build(Hypervisors.named("emulator"), shape.apply(MachineDescription.of("kit", boot)
                .withCpus(cpus).withPlatform(standard -> standard.withSerialPorts(2))));
        try {
            devices.accept(built);
            SerialConsole console = SerialConsole.connect(built.serialPorts().get(0));
            SerialConsole output = SerialConsole.connect(built.serialPorts().get(1));
            return new KitGuest(built.start(), console, output);
        } catch (RuntimeException | Error failure) {
            built.close();
            throw failure;
        }
    }

    RunningMachine machine() {
        return machine;
    }

    /** Waits until the script has printed {@code text}. */
    void await(String text) throws InterruptedException {
        assertThat(output.awaitOutput(text, LIMIT)).as("\"%s\" in what the guest says:%n%s%n%s", text, output.output(),
                last(console.output())).isTrue();
    }

    /** Waits until the script has ended with {@code status} and the guest is off. */
    void awaitEnd(int status) throws InterruptedException {
        await("\0marker " + status + "\n");
        assertThat(machine.await(LIMIT)).as(last(console.output())).contains(new MachineOutcome.PoweredOff());
    }

    /** What the script has printed so far. */
    String output() {
        return output.output();
    }

    private static String last(String text) {
        List<String> lines = text.lines().toList();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 40), lines.size()));
    }

    @Override
    public void close() {
        machine.close();
    }
}
