package dev.vz.guide;

// @start region="program"
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.memory.GuestMemory;

class FirstGuest {
    static void main() {
        byte[] code = {0x04, 0x02, (byte) 0xE6, 0x10, (byte) 0xF4}; // add al, 2; out 0x10, al; hlt
        try (var memory = GuestMemory.ofSize(1 << 20);
                var machine = Hypervisors.best().createVirtualMachine(VirtualMachineConfig.of(memory));
                var vcpu = machine.createVcpu(0)) {
            memory.write(0x1000, code);
            vcpu.setSpecialRegisters(SpecialRegisters.realMode());
            vcpu.setRegisters(GeneralRegisters.zero().withRip(0x1000).withRax(40));
            for (var exit = vcpu.run(); !(exit instanceof VcpuExit.Halt); exit = vcpu.run()) {
                System.out.println(exit); // PortWrite[port=16, size=1, count=1, value=42]
            }
        }
    }
}
// @end
