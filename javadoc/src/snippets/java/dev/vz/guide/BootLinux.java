package dev.vz.guide;

// @start region="program"
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.machine.Machine;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.LinuxBoot;
import java.nio.file.Path;

class BootLinux {
    static void main(String[] files) throws InterruptedException { // kernel, initial RAM disk
        var boot = LinuxBoot.of(BootFile.of(Path.of(files[0])))
                .withInitrd(BootFile.of(Path.of(files[1])))
                .withCommandLine("console=ttyS0 panic=-1");
        var description = MachineDescription.of("first", boot).withMemory(512L << 20).withCpus(2);
        var hypervisor = Hypervisors.best(Capability.FULL_SYSTEM); // KVM if it can, else the emulator
        try (var built = Machine.build(hypervisor, description)) {
            built.serialPorts().getFirst().connect(character -> {
                System.out.write(character);
                return true;
            });
            try (var running = built.start()) {
                System.out.println(running.await()); // PoweredOff[]
            }
        }
    }
}
// @end
