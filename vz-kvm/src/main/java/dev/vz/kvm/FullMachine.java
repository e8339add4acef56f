package dev.vz.kvm;

import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.InterruptControllers;
import dev.vz.hypervisor.MsrExits;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.InterruptControllerState;
import dev.vz.irq.InterruptLine;
import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import dev.vz.linux.FileDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A machine with all its interrupt controllers in the kernel. */
sealed class FullMachine extends KvmVirtualMachine implements MsiSink, InterruptControllers {

    private final KvmInterrupts interrupts;
    private final List<ControllerLine> lines = new ArrayList<>();

    FullMachine(FileDescriptor descriptor, KvmHost host, VirtualMachineConfig config, MachineFeatures features,
            KvmMemorySlots slots) {
        super(descriptor, host, config, features, slots);
        interrupts = new KvmInterrupts(descriptor, host, true);
        boolean resampling = host.has(KvmCapability.IRQFD_RESAMPLE);
        for (int gsi = 0; gsi < MachineBuilder.IOAPIC_PINS; gsi++) {
            lines.add(resampling
                    ? new ControllerLine.WithResampling(descriptor, interrupts, events(), gsi)
                    : new ControllerLine(descriptor, gsi));
        }
    }

    @Override
    public InterruptLine line(int gsi) {
        if (gsi < 0 || gsi >= lines.size()) {
            throw new ConfigurationException("There is no interrupt line " + gsi + "; the I/O APIC has inputs 0 to "
                    + (lines.size() - 1));
        }
        return lines.get(gsi);
    }

    @Override
    public Optional<KvmInterrupts> interrupts() {
        return Optional.of(interrupts);
    }

    @Override
    public boolean signal(Msi message) {
        return interrupts.signal(message);
    }

    @Override
    public Vector vector(Msi message) {
        return new MessageVector(interrupts, events(), message);
    }

    @Override
    public InterruptControllerState interruptControllers() {
        return ControllerCodec.read(descriptor());
    }

    @Override
    public void setInterruptControllers(InterruptControllerState state) {
        ControllerCodec.write(descriptor(), state);
    }

    /** The same where accesses to unknown MSRs can leave. */
    static final class WithMsrExits extends FullMachine implements MsrExits {
        WithMsrExits(FileDescriptor descriptor, KvmHost host, VirtualMachineConfig config, MachineFeatures features,
                KvmMemorySlots slots) {
            super(descriptor, host, config, features, slots);
        }

        @Override
        public void exitOnUnknownMsrs(boolean wanted) {
            exitOnUnknown(wanted);
        }
    }
}
