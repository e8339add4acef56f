package dev.vz.benchmarks.kvm;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.kvm.KvmHypervisor;
import dev.vz.kvm.KvmVcpu;
import dev.vz.kvm.KvmVirtualMachine;
import dev.vz.memory.GuestMemory;
import java.util.HexFormat;

/** A machine of one vCPU in real mode with a few instructions at 0x1000; the C program has the same. */
class BenchmarkGuest implements AutoCloseable {

    static final long CODE = 0x1000;
    static final long HANDLER = 0x2000;

    final GuestMemory memory;
    final KvmVirtualMachine machine;
    final KvmVcpu vcpu;

    BenchmarkGuest(Interrupts interrupts, String code) {
        memory = GuestMemory.ofSize(0x10_0000);
        memory.write(CODE, HexFormat.of().parseHex(code));
        machine = new KvmHypervisor().createVirtualMachine(VirtualMachineConfig.of(memory).with(interrupts));
        vcpu = machine.createVcpu(0);
        vcpu.setSpecialRegisters(SpecialRegisters.realMode());
        vcpu.setRegisters(GeneralRegisters.zero().withRip(CODE).withRsp(0x8000));
    }

    @Override
    public void close() {
        machine.close();
        memory.close();
    }

    /** Counts exits, and kicks after as many as were asked for. */
    static final class Counter implements VcpuExitHandler {
        private final KvmVcpu vcpu;
        private int left;
        private long sum;

        Counter(KvmVcpu vcpu) {
            this.vcpu = vcpu;
        }

        void start(int exits) {
            left = exits;
        }

        long sum() {
            return sum;
        }

        private void count() {
            if (--left == 0) {
                vcpu.kick();
            }
        }

        @Override
        public long portRead(int port, int size) {
            count();
            return left;
        }

        @Override
        public void portWrite(int port, int size, long value) {
            sum += value;
            count();
        }

        @Override
        public long mmioRead(long gpa, int size) {
            count();
            return left;
        }

        @Override
        public void mmioWrite(long gpa, int size, long value) {
            sum += value;
            count();
        }

        @Override
        public boolean exit(VcpuExit exit) {
            throw new IllegalStateException("The benchmark's guest left with " + exit);
        }
    }
}
