package dev.vz.emulator;

import dev.vz.emulator.irq.ApicBus;
import dev.vz.emulator.irq.LocalApic;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import java.util.OptionalInt;

/** A machine whose processors have local APICs, to which messages can be sent. */
abstract class WiredMachine extends EmulatedMachine implements MsiSink {

    WiredMachine(VirtualMachineConfig config) {
        super(config);
    }

    /** Where a local APIC finds the vector of the 8259A's interrupt. */
    abstract int acknowledgeExternal();

    /** The path to the local APICs. */
    abstract ApicBus apics();

    @Override
    final EmulatedVcpu newVcpu(int id) {
        return new EmulatedVcpu.Wired(this, id);
    }

    final LocalApic connect(int id, LocalApic.Processor processor, dev.vz.emulator.clock.Tsc tsc) {
        var apic = new LocalApic(id, apics(), processor, clock(), tsc, this::acknowledgeExternal);
        apics().add(apic);
        return apic;
    }

    @Override
    public final boolean signal(Msi message) {
        return apics().signal(message);
    }

    @Override
    public final Vector vector(Msi message) {
        return new Prepared(apics(), message);
    }

    private static final class Prepared implements Vector {
        private final ApicBus bus;
        private volatile Msi message;

        Prepared(ApicBus bus, Msi message) {
            this.bus = bus;
            this.message = message;
        }

        @Override
        public void trigger() {
            bus.signal(message);
        }

        @Override
        public void update(Msi message) {
            this.message = message;
        }

        @Override
        public OptionalInt eventFd() {
            return OptionalInt.empty();
        }

        @Override
        public void close() {
            // Nothing is held for a message.
        }
    }
}
