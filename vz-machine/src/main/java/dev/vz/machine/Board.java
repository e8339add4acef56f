package dev.vz.machine;

import dev.vz.bus.AddressRange;
import dev.vz.bus.BusDevice;
import dev.vz.bus.IoBus;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.irq.InterruptLine;
import dev.vz.machine.acpi.AcpiTables;
import dev.vz.machine.acpi.Aml;
import dev.vz.machine.acpi.FixedHardware;
import dev.vz.machine.acpi.Madt;
import dev.vz.machine.boot.BootArea;
import dev.vz.machine.clock.MachineClock;
import dev.vz.machine.device.AcpiPowerManagement;
import dev.vz.machine.device.CmosRtc;
import dev.vz.machine.device.DebugConsole;
import dev.vz.machine.device.DebugExit;
import dev.vz.machine.device.KeyboardController;
import dev.vz.machine.device.PostPort;
import dev.vz.machine.device.PowerControl;
import dev.vz.machine.device.ResetControl;
import dev.vz.machine.serial.Uart16550;
import dev.vz.state.Stateful;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The devices of one PC, wired up: who answers which port, which line leads where, what the firmware tables say. */
final class Board {

    private final VirtualMachine vm;
    private final int processors;
    private final IoBus ports = new IoBus("port");
    private final IoBus mmio = new IoBus("mmio");
    private final List<Uart16550> serial = new ArrayList<>();
    private final KeyboardController keyboard;
    private final AcpiPowerManagement acpi;
    private final Optional<DebugConsole> debugConsole;
    private final Map<String, Stateful<?>> stateful = new LinkedHashMap<>();
    private final List<Runnable> resets = new ArrayList<>();
    private final List<Aml> firmwareDevices = new ArrayList<>();
    private final List<Integer> freeInputs = new ArrayList<>(PcMap.FREE_INPUTS);
    private final Map<Integer, Wire> wires = new HashMap<>();
    private long nextSlot = PcMap.SLOTS.start();

    Board(VirtualMachine vm, MachineDescription description, MachineClock clock, PowerControl power) {
        this.vm = vm;
        this.processors = description.cpus().count();
        PlatformDescription platform = description.platform();
        for (int i = 0; i < platform.serialPorts(); i++) {
            // COM1 shares its interrupt with COM3, COM2 with COM4, as on the ISA bus.
            var uart = new Uart16550("COM" + (i + 1), serialLine(i), clock);
            serial.add(uart);
            add(uart.toString(), PcMap.SERIAL_PORTS[i], Uart16550.PORTS, uart, uart::reset);
        }
        keyboard = new KeyboardController(line(PcMap.KEYBOARD_INTERRUPT), power);
        ports.attach(new AddressRange(KeyboardController.DATA_PORT, 1), keyboard.dataPort());
        ports.attach(new AddressRange(KeyboardController.COMMAND_PORT, 1), keyboard.commandPort());
        stateful.put(keyboard.toString(), keyboard);
        resets.add(keyboard::reset);
        var rtc = new CmosRtc(line(PcMap.CLOCK_INTERRUPT), clock);
        add("CMOS clock", CmosRtc.PORT, CmosRtc.PORTS, rtc, rtc::reset);
        acpi = new AcpiPowerManagement(line(PcMap.SCI), power, clock);
        add("ACPI", PcMap.ACPI, AcpiPowerManagement.PORTS, acpi, acpi::reset);
        var reset = new ResetControl(power);
        add("reset control", ResetControl.PORT, 1, reset, reset::reset);
        var post = new PostPort();
        add("POST port", PostPort.PORT, 1, post, post::reset);
        debugConsole = platform.debugConsole() ? Optional.of(new DebugConsole()) : Optional.empty();
        debugConsole.ifPresent(console -> ports.attach(new AddressRange(DebugConsole.PORT, 1), console));
        platform.debugExit().ifPresent(
                port -> ports.attach(new AddressRange(port, DebugExit.PORTS), new DebugExit(power)));
        describeBoard();
    }

    private <D extends BusDevice & Stateful<?>> void add(String name, int port, int count, D device, Runnable reset) {
        ports.attach(new AddressRange(port, count), device);
        stateful.put(name, device);
        resets.add(reset);
    }

    private InterruptLine line(int gsi) {
        return wires.computeIfAbsent(gsi, input -> new Wire(vm.line(input))).output();
    }

    private InterruptLine serialLine(int port) {
        return line(PcMap.SERIAL_INTERRUPTS[port]);
    }

    /** Takes all devices off their interrupt inputs: what still calls one must not reach a machine that is gone. */
    void disconnect() {
        wires.values().forEach(Wire::close);
    }

    IoBus ports() {
        return ports;
    }

    IoBus mmio() {
        return mmio;
    }

    List<Uart16550> serial() {
        return List.copyOf(serial);
    }

    KeyboardController keyboard() {
        return keyboard;
    }

    AcpiPowerManagement acpi() {
        return acpi;
    }

    Optional<DebugConsole> debugConsole() {
        return debugConsole;
    }

    /** Every device whose state a snapshot keeps, by name, in the order they were added. */
    Map<String, Stateful<?>> stateful() {
        return Collections.unmodifiableMap(new LinkedHashMap<>(stateful));
    }

    void addStateful(String name, Stateful<?> device) {
        if (stateful.putIfAbsent(name, device) != null) {
            throw new ConfigurationException("There is a device \"" + name + "\" on this board already");
        }
    }

    void onReset(Runnable action) {
        resets.add(action);
    }

    void describe(Aml device) {
        firmwareDevices.add(device);
    }

    /** Puts every device into the state it has after power-on. No vCPU runs. */
    void reset() {
        resets.forEach(Runnable::run);
    }

    DeviceSlot newSlot(long size) {
        long length = Math.max(4096, Long.highestOneBit(size) == size ? size : Long.highestOneBit(size) << 1);
        long start = nextSlot + length - 1 & -length;
        if (size <= 0 || size > PcMap.SLOTS.length() || start + length - 1 > PcMap.SLOTS.last()
                || freeInputs.isEmpty()) {
            throw new ConfigurationException("Cannot attach another device of " + size + " bytes: "
                    + (freeInputs.isEmpty() ? "all interrupt inputs are taken" : "the device area " + PcMap.SLOTS
                            + " has no room for it"));
        }
        nextSlot = start + length;
        int gsi = freeInputs.removeFirst();
        return new DeviceSlot(new AddressRange(start, length), gsi, line(gsi));
    }

    // ------------------------------------------------------------------------------------------ firmware tables

    private void describeBoard() {
        for (int i = 0; i < serial.size(); i++) {
            firmwareDevices.add(Aml.device("COM" + (i + 1), Aml.name("_HID", Aml.eisaId("PNP0501")),
                    Aml.name("_UID", Aml.integer(i + 1)),
                    Aml.name("_CRS", Aml.resources(Aml.ioPorts(PcMap.SERIAL_PORTS[i], Uart16550.PORTS),
                            Aml.irq(PcMap.SERIAL_INTERRUPTS[i])))));
        }
        firmwareDevices.add(Aml.device("RTC", Aml.name("_HID", Aml.eisaId("PNP0B00")),
                Aml.name("_CRS", Aml.resources(Aml.ioPorts(CmosRtc.PORT, CmosRtc.PORTS),
                        Aml.irq(PcMap.CLOCK_INTERRUPT)))));
        firmwareDevices.add(Aml.device("KBD", Aml.name("_HID", Aml.eisaId("PNP0303")),
                Aml.name("_CRS", Aml.resources(Aml.ioPorts(KeyboardController.DATA_PORT, 1),
                        Aml.ioPorts(KeyboardController.COMMAND_PORT, 1), Aml.irq(PcMap.KEYBOARD_INTERRUPT)))));
    }

    /** All tables as they go to {@link BootArea#FIRMWARE_TABLES}. */
    byte[] firmwareTables() {
        var madt = new Madt(PcMap.LAPIC);
        for (int i = 0; i < processors; i++) {
            madt.processor(i, i);
        }
        // The I/O APIC's id follows the processors', as on boards where they share one bus.
        // No override for the timer: back ends wire ISA interrupt n to input n, 0 as well, other than many a PC.
        madt.ioapic(processors, PcMap.IOAPIC, 0).isaOverride(PcMap.SCI, PcMap.SCI, true).localNmi(1);
        var fixed = new FixedHardware(PcMap.SCI, PcMap.ACPI + AcpiPowerManagement.PM1_EVENT,
                PcMap.ACPI + AcpiPowerManagement.PM1_CONTROL, PcMap.ACPI + AcpiPowerManagement.PM_TIMER,
                ResetControl.PORT, ResetControl.RESET_VALUE, CmosRtc.CENTURY,
                FixedHardware.LEGACY_DEVICES | FixedHardware.KEYBOARD_CONTROLLER | FixedHardware.NO_VGA);
        Aml sleep = Aml.name("_S5", Aml.packageOf(Aml.integer(AcpiPowerManagement.SLEEP_TYPE_S5), Aml.integer(0),
                Aml.integer(0), Aml.integer(0)));
        Aml dsdt = Aml.list(List.of(sleep, Aml.scope("\\_SB", firmwareDevices.toArray(Aml[]::new))));
        return AcpiTables.build(BootArea.FIRMWARE_TABLES, BootArea.FIRMWARE_TABLES_ROOM, fixed, madt.bytes(), dsdt,
                List.of());
    }
}
