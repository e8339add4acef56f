package dev.vz.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.irq.Doorbell;
import dev.vz.irq.InterruptLine;
import dev.vz.memory.GuestMemory;
import java.util.HexFormat;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A guest that does nothing but serve interrupts is slow, and still does what its host wants. */
@Timeout(120)
class InterruptFloodTest {

    private static final int LINE = 3;
    private static final int DOORBELL = 0x50;
    private static final int FLOOD = 20_000;
    /**
     * Points vector 0x23 to 0x2000, sets up the 8259A, and counts for ever: {@code cli; mov word [0x8c], 0x2000; mov word
     * [0x8e], 0; out …; sti; inc word [0x7000]; jmp .-4}.
     */
    private static final String CODE = "fac7068c000020c7068e000000b011e620b020e621b004e621b001e621b0f7e621fb"
            + "ff060070ebfa";
    /** {@code mov al, 0x20; out 0x20, al; out 0x50, al; iret}. */
    private static final String HANDLER = "b020e620e650cf";

    @Test
    void aGuestWhoseInterruptsNeverEndIsKickedOutAllTheSame() throws Exception {
        var heard = new AtomicLong();
        try (var memory = GuestMemory.ofSize(0x10_0000);
                VirtualMachine machine = new EmulatorHypervisor()
                        .createVirtualMachine(VirtualMachineConfig.of(memory).with(Interrupts.FULL))) {
            memory.write(0x1000, HexFormat.of().parseHex(CODE));
            memory.write(0x2000, HexFormat.of().parseHex(HANDLER));
            var vcpu = (EmulatedVcpu) machine.createVcpu(0);
            vcpu.setSpecialRegisters(SpecialRegisters.realMode());
            vcpu.setRegisters(GeneralRegisters.zero().withRip(0x1000).withRsp(0x8000));
            InterruptLine line = machine.line(LINE);
            // Each handler asks for the next interrupt.
            ((EmulatedMachine) machine).register(Doorbell.Address.port(DOORBELL, 1), () -> {
                heard.incrementAndGet();
                line.set(false);
                line.set(true);
            });
            var run = new FutureTask<VcpuExit>(vcpu::run);
            Thread.ofPlatform().daemon().start(run);
            try {
                while (memory.readShortAcquire(0x7000) == 0) {
                    LockSupport.parkNanos(100_000);
                }
                line.set(true);
                while (heard.get() < FLOOD) {
                    LockSupport.parkNanos(100_000);
                }
            } finally {
                vcpu.kick();
            }
            assertThat(run.get(30, TimeUnit.SECONDS)).isEqualTo(new VcpuExit.Kicked());
        }
    }
}
