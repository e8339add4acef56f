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
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How long an interrupt line takes to the first instructions of its handler while the guest computes. */
@Timeout(120)
class InterruptLatencyTest {

    private static final System.Logger LOG = System.getLogger(InterruptLatencyTest.class.getName());

    private static final int LINE = 3;
    private static final int DOORBELL = 0x50;
    private static final int ROUNDS = 200;
    /**
     * Points vector 0x23 to 0x2000, sets up the 8259A, and counts for ever: {@code cli; mov word [0x8c], 0x2000; mov word
     * [0x8e], 0; out …; sti; inc word [0x7000]; jmp .-4}.
     */
    private static final String CODE = "fac7068c000020c7068e000000b011e620b020e621b004e621b001e621b0f7e621fb"
            + "ff060070ebfa";
    /** {@code out 0x50, al; mov al, 0x20; out 0x20, al; iret}. */
    private static final String HANDLER = "e650b020e620cf";

    private volatile long heard;
    private final AtomicInteger handled = new AtomicInteger();

    /** The figure is printed, not asserted: what else the host does decides it. */
    @Test
    void everyRisingLineReachesItsHandlerUnderLoad() throws Exception {
        long median;
        try (var memory = GuestMemory.ofSize(0x10_0000);
                VirtualMachine machine = new EmulatorHypervisor()
                        .createVirtualMachine(VirtualMachineConfig.of(memory).with(Interrupts.FULL))) {
            memory.write(0x1000, HexFormat.of().parseHex(CODE));
            memory.write(0x2000, HexFormat.of().parseHex(HANDLER));
            var vcpu = (EmulatedVcpu) machine.createVcpu(0);
            vcpu.setSpecialRegisters(SpecialRegisters.realMode());
            vcpu.setRegisters(GeneralRegisters.zero().withRip(0x1000).withRsp(0x8000));
            ((EmulatedMachine) machine).register(Doorbell.Address.port(DOORBELL, 1), () -> {
                handled.incrementAndGet();
                heard = System.nanoTime();
            });
            Thread runner = Thread.ofPlatform().daemon().start(() -> {
                VcpuExit exit = vcpu.run();
                assertThat(exit).isEqualTo(new VcpuExit.Kicked());
            });
            try {
                InterruptLine line = machine.line(LINE);
                while (memory.readShortAcquire(0x7000) == 0) {
                    LockSupport.parkNanos(100_000);
                }
                median = median(line);
            } finally {
                vcpu.kick();
                runner.join();
            }
        }
        LOG.log(System.Logger.Level.INFO, "line to handler: median {0} ns", median);
        assertThat(handled).as("interrupts, one for each rise of the line").hasValue(ROUNDS);
    }

    private long median(InterruptLine line) {
        long[] times = new long[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            heard = 0;
            long begun = System.nanoTime();
            line.set(true);
            while (heard == 0) {
                Thread.onSpinWait();
            }
            line.set(false);
            times[i] = heard - begun;
            LockSupport.parkNanos(200_000);
        }
        Arrays.sort(times);
        return times[ROUNDS / 2];
    }
}
