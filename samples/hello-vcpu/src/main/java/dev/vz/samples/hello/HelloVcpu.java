package dev.vz.samples.hello;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.error.GuestException;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.memory.GuestMemory;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** Runs machine code on a virtual CPU in real mode, and prints what it says. */
public final class HelloVcpu {

    /** {@code mov si, 0x100d; next: lodsb; test al, al; jz end; out 0xe9, al; jmp next; end: hlt}. */
    private static final byte[] CODE = HexFormat.of().parseHex("be0d10ac84c07404e6e9ebf7f4");
    private static final byte[] TEXT = "Hello from a virtual CPU.\n\0".getBytes(StandardCharsets.US_ASCII);

    /** Says hello on standard output. */
    public static void main(String[] arguments) {
        run(System.out);
    }

    static void run(PrintStream out) {
        try (var memory = GuestMemory.ofSize(0x10000);
                var machine = Hypervisors.best().createVirtualMachine(VirtualMachineConfig.of(memory))) {
            memory.write(0x1000, CODE);
            memory.write(0x1000 + CODE.length, TEXT);
            var vcpu = machine.createVcpu(0);
            vcpu.setSpecialRegisters(SpecialRegisters.realMode());
            vcpu.setRegisters(GeneralRegisters.zero().withRip(0x1000));
            for (var exit = vcpu.run(); !(exit instanceof VcpuExit.Halt); exit = vcpu.run()) {
                if (!(exit instanceof VcpuExit.PortWrite write)) {
                    throw new GuestException("Expected a port write or a halt, got " + exit);
                }
                out.print((char) write.value());
            }
        }
    }
}
