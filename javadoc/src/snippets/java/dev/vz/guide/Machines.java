package dev.vz.guide;

import dev.vz.display.Screen;
import dev.vz.link.LinkPort;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.MachineOutcome;
import dev.vz.machine.PausedMachine;
import dev.vz.machine.RestartPolicy;
import dev.vz.machine.RunningMachine;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.LinuxBoot;
import dev.vz.machine.display.FramebufferDisplay;
import dev.vz.machine.serial.SerialConsole;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.virtio.fs.FileSystemDevice;
import dev.vz.virtio.fs.SharedFolder;
import dev.vz.virtio.net.NetworkCard;
import dev.vz.virtio.vsock.VsockAcceptor;
import dev.vz.virtio.vsock.VsockDevice;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;

/** The code of the chapter on booting Linux. */
final class Machines {

    private Machines() {}

    // @start region="describe"
    static MachineDescription describe(Path kernel, Path initrd) {
        var boot = LinuxBoot.of(BootFile.of(kernel)).withInitrd(BootFile.of(initrd))
                .withCommandLine("console=ttyS0 panic=-1");
        return MachineDescription.of("guest", boot)
                .withMemory(512L << 20)
                .withCpus(2)
                .withPlatform(platform -> platform.withSerialPorts(2))
                .onReset(RestartPolicy.END);
    }
    // @end

    // @start region="console"
    /** Starts the machine and waits for {@code prompt} on its first serial port. */
    static RunningMachine startTo(String prompt, BuiltMachine built) throws InterruptedException {
        SerialConsole console = SerialConsole.connect(built.serialPorts().getFirst());
        RunningMachine running = built.start();
        if (!console.awaitOutput(prompt, Duration.ofSeconds(60))) {
            running.stop();
            throw new IllegalStateException("The guest did not come up; it said:\n" + console.output());
        }
        console.type("poweroff -f\n");
        return running;
    }
    // @end

    // @start region="devices"
    /** Gives the guest a network card, a folder of the host's, and streams to {@code service} at port 1024. */
    static VsockDevice connect(BuiltMachine built, LinkPort link, Path folder, VsockAcceptor service) {
        VirtioSlots.overPci(built, new NetworkCard(link, new byte[] {0x52, 0x54, 0, 0x12, 0x34, 0x56}));
        VirtioSlots.overPci(built, new FileSystemDevice("work", SharedFolder.of(folder, false)));
        var sockets = new VsockDevice(3);
        sockets.listen(1024, service);
        VirtioSlots.overPci(built, sockets);
        return sockets;
    }
    // @end

    // @start region="screen"
    /** Shows what the guest has drawn since the last time; the description had a display. */
    static FramebufferDisplay show(RunningMachine running, Screen screen) {
        var display = new FramebufferDisplay(running.memory(), running.framebuffer().orElseThrow(), screen);
        display.refresh();
        return display;
    }
    // @end

    // @start region="outcome"
    static String tell(MachineOutcome outcome) {
        return switch (outcome) {
            case MachineOutcome.PoweredOff() -> "switched itself off";
            case MachineOutcome.Reset(String source) -> "was reset through " + source;
            case MachineOutcome.DebugExit exit -> "ended with status " + exit.processStatus();
            case MachineOutcome.Crashed crashed -> "crashed: " + crashed.error().getMessage();
            case MachineOutcome.Stopped() -> "was stopped";
        };
    }
    // @end

    // @start region="pause"
    /** Lets {@code look} see a machine that stands still. */
    static void lookAt(RunningMachine running, Consumer<PausedMachine> look) throws InterruptedException {
        try (PausedMachine paused = running.pause()) {
            look.accept(paused);
        }
    }
    // @end
}
