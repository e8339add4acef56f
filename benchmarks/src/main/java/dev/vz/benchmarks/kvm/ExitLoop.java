package dev.vz.benchmarks.kvm;

import dev.vz.cpu.Vcpu;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;

/** A guest that makes one kind of exit for ever. */
public final class ExitLoop implements AutoCloseable {

    /** The kinds; the C program knows them by the same names. */
    public enum Kind {
        /** {@code OUT DX, AL}. */
        PORT_WRITE("ba1000eeebfd"),
        /** {@code IN AL, DX}. */
        PORT_READ("ba1000ecebfd"),
        /** {@code MOV ES:[0x10], AL} where there is no memory. */
        MMIO_WRITE("b8ffff8ec026a21000ebfa"),
        /** {@code MOV AL, ES:[0x10]} where there is no memory. */
        MMIO_READ("b8ffff8ec026a01000ebfa");

        final String code;

        Kind(String code) {
            this.code = code;
        }
    }

    private final BenchmarkGuest guest;
    private final BenchmarkGuest.Counter counter;

    /** The guest, ready to run. */
    public ExitLoop(Kind kind) {
        guest = new BenchmarkGuest(Interrupts.NONE, kind.code);
        counter = new BenchmarkGuest.Counter(guest.vcpu);
    }

    /** Runs until the guest has left {@code exits} times, on the calling platform thread. */
    public void run(int exits) {
        counter.start(exits);
        if (guest.vcpu.run(counter) != Vcpu.Outcome.KICKED) {
            throw new IllegalStateException("The run ended before its exits were counted, at " + counter.sum());
        }
    }

    @Override
    public void close() {
        guest.close();
    }
}
