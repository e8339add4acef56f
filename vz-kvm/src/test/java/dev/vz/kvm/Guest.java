package dev.vz.kvm;

import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.memory.GuestMemory;
import java.util.HexFormat;

/** A machine with one vCPU in real mode and a few instructions at 0x1000: what most tests here start from. */
final class Guest implements AutoCloseable {

    static final long CODE = 0x1000;

    final GuestMemory memory;
    final KvmVirtualMachine machine;
    final KvmVcpu vcpu;

    private Guest(GuestMemory memory, KvmVirtualMachine machine) {
        this.memory = memory;
        this.machine = machine;
        this.vcpu = machine.createVcpu(0);
    }

    /** Code in hexadecimal, blanks ignored; execution starts at its first byte, DS is 0. */
    static Guest realMode(String code) {
        return realMode(Interrupts.NONE, code);
    }

    static Guest realMode(Interrupts interrupts, String code) {
        Guest guest = empty(interrupts, 1);
        guest.load(CODE, code);
        guest.start(guest.vcpu, CODE);
        return guest;
    }

    static Guest empty(Interrupts interrupts, int vcpus) {
        GuestMemory memory = GuestMemory.ofSize(0x10_0000);
        try {
            var config = new VirtualMachineConfig("test", memory, interrupts, vcpus);
            return new Guest(memory, new KvmHypervisor().createVirtualMachine(config));
        } catch (RuntimeException failure) {
            memory.close();
            throw failure;
        }
    }

    void load(long address, String code) {
        memory.write(address, HexFormat.of().parseHex(code.replace(" ", "")));
    }

    void start(KvmVcpu which, long rip) {
        which.setSpecialRegisters(SpecialRegisters.realMode());
        which.setRegisters(GeneralRegisters.zero().withRip(rip).withRsp(0x8000));
    }

    @Override
    public void close() {
        machine.close();
        memory.close();
    }
}
