package dev.vz.machine.virtio;

import dev.vz.error.CapabilityException;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.irq.Doorbell;
import dev.vz.irq.MsiSink;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.DeviceSlot;
import dev.vz.machine.RunningMachine;
import dev.vz.machine.acpi.Aml;
import dev.vz.machine.pci.PciHostBridge;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.device.WorkerLoop;
import dev.vz.virtio.mmio.VirtioMmio;
import dev.vz.virtio.pci.VirtioPciFunction;
import java.util.Optional;

/**
 * Attaches virtio devices to machines.
 *
 * <p>
 * Doorbells are hung where the back end has them (ioeventfds on KVM, calls on the emulator); messages leave through the back
 * end's {@link MsiSink} (irqfds on KVM). A device given to a built machine is closed with it. Where a device needs something
 * that outlives it, an image or a switch, give that to {@link BuiltMachine#owns} before the device is attached.
 */
public final class VirtioSlots {

    private VirtioSlots() {}

    /**
     * Puts {@code device} on the PCI bus, at the first free place, with a worker thread of its own.
     *
     * @throws CapabilityException                 if the back end has no message-signalled interrupts
     * @throws dev.vz.error.ConfigurationException if the bus is full
     */
    public static VirtioPciFunction overPci(BuiltMachine machine, VirtioDevice<?> device) {
        return overPci(machine, host(machine, device));
    }

    /** The same for a device that has its threads; they are closed after the machine. */
    public static VirtioPciFunction overPci(BuiltMachine machine, DeviceHost host) {
        return plug(machine.virtualMachine(), machine.pci(), host);
    }

    /**
     * Puts a device on the PCI bus of a machine that runs and tells the guest. It is closed with the machine, or by the
     * caller once it was unplugged ({@link RunningMachine#pci()}).
     *
     * @param host works on threads that are closed after it
     */
    public static VirtioPciFunction hotPlug(RunningMachine machine, DeviceHost host) {
        return plug(machine.virtualMachine(), machine.pci(), host);
    }

    private static VirtioPciFunction plug(VirtualMachine vm, PciHostBridge bus, DeviceHost host) {
        if (!(vm instanceof MsiSink messages)) {
            throw new CapabilityException("Cannot plug " + host + " into " + vm
                    + ": its back end has no message-signalled interrupts, which PCI functions need here");
        }
        var function = new VirtioPciFunction(host, messages, doorbells(vm));
        bus.plug(function);
        return function;
    }

    /**
     * Gives {@code device} a page of registers and an interrupt input, which the firmware tables tell of, and a worker
     * thread of its own.
     *
     * @throws dev.vz.error.ConfigurationException if the board has no place left
     */
    public static VirtioMmio overMmio(BuiltMachine machine, VirtioDevice<?> device) {
        return overMmio(machine, host(machine, device));
    }

    /** The same for a device that has its threads; they are closed after the machine. */
    public static VirtioMmio overMmio(BuiltMachine machine, DeviceHost host) {
        DeviceSlot slot = machine.newSlot(VirtioMmio.BYTES);
        VirtioMmio registers = machine.owns(
                new VirtioMmio(host, slot.line(), doorbells(machine.virtualMachine()), slot.range().start()));
        machine.mmio().attach(slot.range(), registers);
        machine.onReset(registers::reset);
        machine.pauses(registers);
        String name = host + " at 0x" + Long.toHexString(slot.range().start());
        machine.saves(name + " device", host.device());
        machine.saves(name, registers);
        machine.describe(Aml.device(String.format("VR%02X", slot.gsi()), Aml.name("_HID", Aml.string("LNRO0005")),
                Aml.name("_UID", Aml.integer(slot.gsi())), Aml.name("_CCA", Aml.integer(1)),
                Aml.name("_CRS", Aml.resources(Aml.memory32(slot.range().start(), slot.range().length()),
                        Aml.interrupt(slot.gsi(), true)))));
        return registers;
    }

    private static DeviceHost host(BuiltMachine machine, VirtioDevice<?> device) {
        WorkerLoop loop = machine
                .owns(WorkerLoop.started("vz-" + machine.description().name() + "-" + device.name()));
        return new DeviceHost(device, machine.memory(), loop);
    }

    private static Optional<Doorbell.Registrar> doorbells(VirtualMachine vm) {
        return vm instanceof Doorbell.Registrar registrar ? Optional.of(registrar) : Optional.empty();
    }
}
