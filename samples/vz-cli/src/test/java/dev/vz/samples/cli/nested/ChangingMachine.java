package dev.vz.samples.cli.nested;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.link.LinkPort;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.Machine;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.RunningMachine;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.LinuxBoot;
import dev.vz.machine.serial.SerialConsole;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.virtio.balloon.BalloonDevice;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.WorkerLoop;
import dev.vz.virtio.net.NetworkCard;
import dev.vz.virtio.pci.VirtioPciFunction;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * A program for the guest that has KVM: two machines on it with a cable between them. The first one's balloon fills and
 * empties, and disks are plugged into it and unplugged while Linux runs; the second one is reset in between. What their guests
 * run is {@link #SCRIPT}.
 */
final class ChangingMachine {

    static final String SCRIPT = """
            set -e; trap 'echo failed after: $done' EXIT; ok() { done="$*"; }
            me=$(cut -c 17 /sys/class/net/eth0/address)
            ip addr add 10.0.0.$me/24 dev eth0; ip link set eth0 up
            # An input without end: busybox's nc hangs up when its own has ended.
            mkfifo /tmp/endless; exec 3<>/tmp/endless
            tell() { until nc 10.0.0.$1 $2; do usleep 100000; done; }

            # The second machine keeps on its disk what it is told, and tells it after its reset.
            if [ $me = 2 ]; then
                if [ "$(head -c 5 /dev/vda)" != again ]; then
                    nc -l -p 5000 <&3 >/tmp/f; dd if=/tmp/f of=/dev/vda bs=64k conv=fsync 2>/dev/null
                    reboot -f
                fi
                head -c 1000000 /dev/vda >/tmp/f; tell 1 5001 </tmp/f
                # What is still on its way needs a guest that is there.
                nc -l -p 5002 <&3 >/dev/null; trap - EXIT; exit
            fi
            { echo again; head -c 999994 /dev/urandom; } >/tmp/f; tell 2 5000 </tmp/f; ok told

            free() { awk '/MemFree/ {print $2}' /proc/meminfo; }
            before=$(free); echo ready
            until [ $(free) -lt $((before - 64000)) ]; do usleep 50000; done; echo smaller
            until [ $(free) -gt $((before - 64000)) ]; do usleep 50000; done; ok larger
            cd /sys/bus/virtio/drivers/virtio_balloon; d=$(basename virtio[0-9]*)
            echo $d >unbind; [ ! -e $d ]; echo $d >bind; [ -e $d ]; echo again
            until [ $(free) -lt $((before - 32000)) ]; do usleep 50000; done

            functions() { ls /sys/bus/pci/devices | wc -l; }
            alone=$(functions)
            for round in 1 2; do
                echo waiting $round
                until [ -b /dev/vda ]; do usleep 20000; done
                dd if=/tmp/f of=/dev/vda bs=4k conv=fsync 2>/dev/null
                echo 3 >/proc/sys/vm/drop_caches; head -c 1000000 /dev/vda | cmp - /tmp/f; ok disk $round
                echo used $round
                until [ ! -e /dev/vda ] && [ $(functions) = $alone ]; do usleep 20000; done
            done

            nc -l -p 5001 <&3 >/tmp/back; cmp /tmp/back /tmp/f; ok came back; tell 2 5002 </dev/null
            trap - EXIT; echo heard""";

    /** Kernel modules of the guests'. */
    static final Set<String> MODULES = Set.of("virtio_pci", "virtio_blk", "virtio_net", "virtio_balloon");

    private static final Duration LIMIT = Duration.ofSeconds(300);
    private static final int DISK = 2 << 20;
    private static final long LARGE = 128L << 20;
    private static final long SMALL = 64L << 20;

    private final RunningMachine machine;
    private final SerialConsole output;

    private ChangingMachine(RunningMachine machine, SerialConsole output) {
        this.machine = machine;
        this.output = output;
    }

    /** Arguments: the kernel, the initial root file system, the command line. */
    public static void main(String[] arguments) throws Exception {
        LinuxBoot boot = LinuxBoot.of(BootFile.of(Path.of(arguments[0]))).withInitrd(BootFile.of(Path.of(arguments[1])))
                .withCommandLine(arguments[2]);
        try (var cable = new LinkPair("cable", LinkFeatures.all()); WorkerLoop loop = WorkerLoop.started("hot plug")) {
            BuiltMachine first = build("first", boot, cable.a(), 1);
            var balloon = new BalloonDevice(first.memory());
            VirtioSlots.overPci(first, balloon);
            var output = SerialConsole.connect(first.serialPorts().get(1));
            BuiltMachine second = build("second", boot, cable.b(), 2);
            VirtioSlots.overPci(second, new BlockFrontend(MemoryBlockDevice.ofSize(DISK), "kept"));
            var other = SerialConsole.connect(second.serialPorts().get(1));
            try (RunningMachine reset = second.start(); RunningMachine machine = first.start()) {
                var changing = new ChangingMachine(machine, output);
                changing.inflate(balloon);
                changing.plug(1, loop);
                changing.plug(2, loop);
                changing.await("heard");
                System.out.println("the first guest says: " + machine.await(LIMIT).orElseThrow());
                System.out.println("the second guest says: " + reset.await(LIMIT).orElseThrow() + ", done: "
                        + other.output().endsWith("marker 0\n"));
            }
        }
    }

    private static BuiltMachine build(String name, LinuxBoot boot, LinkPort port, int number) {
        BuiltMachine built = Machine.build(Hypervisors.named("kvm"),
                MachineDescription.of(name, boot).withPlatform(standard -> standard.withSerialPorts(2)));
        VirtioSlots.overPci(built, new NetworkCard(port, new byte[] {2, 0, 0, 0, 0, (byte) number}));
        return built;
    }

    private void inflate(BalloonDevice balloon) throws InterruptedException {
        await("ready");
        balloon.target(LARGE);
        await("the balloon to fill", () -> balloon.ballooned() == LARGE);
        await("smaller");
        balloon.target(0);
        await("the balloon to empty", () -> balloon.ballooned() == 0);
        await("again");
        balloon.target(SMALL);
        await("the balloon to fill again", () -> balloon.ballooned() == SMALL);
        // More than that, where the kernel reports the pages that are free.
        System.out.println("the balloon took its memory: " + (balloon.reclaimedBytes() >= LARGE + SMALL));
    }

    private void plug(int round, WorkerLoop loop) throws Exception {
        await("waiting " + round);
        VirtioPciFunction function = VirtioSlots.hotPlug(machine, new DeviceHost(
                new BlockFrontend(MemoryBlockDevice.ofSize(2 << 20), "round" + round), machine.memory(), loop));
        await("used " + round);
        var address = machine.pci().functions().entrySet().stream().filter(entry -> entry.getValue() == function)
                .map(Map.Entry::getKey).findFirst().orElseThrow();
        machine.pci().unplug(address).toCompletableFuture().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        function.close();
        System.out.println("disk " + round + " came and went");
    }

    private void await(String text) throws InterruptedException {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!output.awaitOutput(text, Duration.ofSeconds(1))) {
            if (System.nanoTime() > end || machine.outcome().isPresent()) {
                throw new AssertionError("the guest does not say " + text + ", but: " + output.output());
            }
        }
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("waited for " + what);
            }
            Thread.sleep(20);
        }
    }
}
