// @start region="program"
package dev.vz.guide;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.memory.GuestMemory;

/** Adds two numbers on a virtual CPU and tells what the guest said. */
final class HelloVcpu {

    private static final byte[] CODE = {
        (byte) 0xBA, (byte) 0xF8, 0x03, // mov dx, 0x3F8: the first serial port
        0x00, (byte) 0xD8,              // add al, bl
        0x04, '0',                      // add al, '0'
        (byte) 0xEE,                    // out dx, al
        (byte) 0xF4,                    // hlt
    };

    static String run(Hypervisor hypervisor) {
        var said = new StringBuilder();
        try (var memory = GuestMemory.ofSize(64 * 1024);
                var machine = hypervisor.createVirtualMachine(VirtualMachineConfig.of(memory));
                var vcpu = machine.createVcpu(0)) {
            memory.write(0x1000, CODE);
            vcpu.setSpecialRegisters(SpecialRegisters.realMode());
            vcpu.setRegisters(GeneralRegisters.zero().withRip(0x1000).withRax(2).withRbx(3));
            while (true) {
                switch (vcpu.run()) {
                    case VcpuExit.PortWrite write when write.port() == 0x3F8 -> said.append((char) write.value());
                    case VcpuExit.Halt() -> {
                        return said.toString();
                    }
                    case VcpuExit other -> throw new IllegalStateException("The guest left with " + other);
                }
            }
        }
    }
}
// @end
