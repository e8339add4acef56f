package dev.vz.machine.pci;

import dev.vz.bus.AddressRange;
import dev.vz.bus.BusDevice;
import dev.vz.bus.IoBus;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.error.VzException;
import dev.vz.machine.acpi.AcpiTables;
import dev.vz.machine.acpi.Aml;
import dev.vz.pci.PciAddress;
import dev.vz.pci.PciFunction;
import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The root of the board's PCI bus: segment 0, bus 0, with itself at 00:00.0 and 31 more places.
 *
 * <p>
 * Configuration space is reached through ports 0xCF8 and 0xCFC and through memory; interrupts are messages only, there are no
 * pins. A function that is plugged belongs to the bridge, which closes it with the machine if it can be closed; an unplugged
 * one is the caller's again. Methods may be called from any thread.
 */
public final class PciHostBridge implements Stateful<PciHostBridge.State>, AutoCloseable {

    private static final String NAME = "PCI0";
    private static final String PATH = "\\_SB." + NAME;

    /**
     * Where a bridge is on its board.
     *
     * @param configuration guest-physical address of configuration space, 1 MiB for the one bus
     * @param memory        guest-physical addresses that are passed on to the functions, below 4 GiB
     * @param ports         ports that are passed on to the functions
     * @param hotPlug       first of 12 ports through which hot plug is told
     * @param event         the general-purpose event that says that there is something to be told
     */
    public record Place(long configuration, AddressRange memory, AddressRange ports, int hotPlug, int event) {}

    private final Place place;
    private final PciBus bus;
    private final ConfigPorts configPorts;
    private final PciHotPlug hotPlug;
    private final Runnable event;
    /** What was asked to leave, by device number. */
    private final Map<Integer, CompletableFuture<PciFunction>> leaving = new TreeMap<>();
    private boolean powered;
    private boolean closed;

    /**
     * A bridge with nothing on its bus.
     *
     * @param ports     where configuration and hot plug ports go, and the functions' ports
     * @param mmio      where configuration space goes, and the functions' registers
     * @param reset     the one byte wide register inside the configuration ports
     * @param resetPort its port
     * @param event     raises the general-purpose event of {@code place}
     */
    public PciHostBridge(Place place, IoBus ports, IoBus mmio, BusDevice reset, int resetPort, Runnable event) {
        this.place = place;
        this.event = event;
        this.bus = new PciBus(ports, mmio, new PciWindows(place.memory(), place.ports()));
        this.configPorts = new ConfigPorts(bus, reset, resetPort);
        this.hotPlug = new PciHotPlug(this::ejected);
        ports.attach(new AddressRange(ConfigPorts.PORT, ConfigPorts.PORTS), configPorts);
        ports.attach(new AddressRange(place.hotPlug(), PciHotPlug.PORTS), hotPlug);
        mmio.attach(new AddressRange(place.configuration(), ConfigWindow.BYTES), new ConfigWindow(bus));
        bus.add(0, new HostBridgeFunction());
    }

    // -------------------------------------------------------------------------------------------- plugging

    /**
     * Puts {@code function} at the first free place and hands it over. Once the machine is powered the guest is told.
     *
     * @return where it is
     * @throws ConfigurationException if all places are taken
     */
    public synchronized PciAddress plug(PciFunction function) {
        checkOpen();
        PciAddress address = bus.add(function);
        announce(address);
        return address;
    }

    /**
     * The same at 00:{@code device}.0.
     *
     * @param device 1 to 31
     * @throws ConfigurationException if somebody is there
     */
    public synchronized PciAddress plug(PciFunction function, int device) {
        checkOpen();
        PciAddress address = bus.add(device, function);
        announce(address);
        return address;
    }

    private void announce(PciAddress address) {
        if (powered) {
            hotPlug.announce(address.device());
            event.run();
        }
    }

    /**
     * Asks the guest to let go of the function at {@code address}. The stage completes when it has, and the function is off
     * the bus; the caller closes it then. A guest that is busy with it, or does not listen, may take its time; a reset of the
     * machine also takes the function off. Before the machine is powered the function goes at once. Asking again reminds the
     * guest.
     *
     * @throws ConfigurationException if there is no such function, or it is the bridge itself
     */
    public synchronized CompletionStage<PciFunction> unplug(PciAddress address) {
        checkOpen();
        int device = address.device();
        if (device == 0 || address.bus() != 0 || address.function() != 0 || bus.function(device).isEmpty()) {
            throw new ConfigurationException(
                    "There is nothing at " + address + " of the PCI bus that could be unplugged");
        }
        CompletableFuture<PciFunction> future = leaving.computeIfAbsent(device, _ -> new CompletableFuture<>());
        if (powered) {
            hotPlug.ask(device);
            event.run();
        } else {
            takeOff(device);
        }
        return future.minimalCompletionStage();
    }

    /** The guest has let go. One that was not asked to keeps the function: it may switch it on again. */
    private synchronized void ejected(int device) {
        if (leaving.containsKey(device)) {
            takeOff(device);
        }
    }

    private void takeOff(int device) {
        CompletableFuture<PciFunction> future = leaving.remove(device);
        // Whoever waits for it goes on with a thread of the pool, not with the processor's.
        bus.remove(device).ifPresent(function -> {
            function.reset();
            if (future != null) {
                future.completeAsync(() -> function);
            }
        });
    }

    /** What is plugged, by address; without the bridge itself. */
    public Map<PciAddress, PciFunction> functions() {
        var found = new LinkedHashMap<PciAddress, PciFunction>();
        for (int device = 1; device < PciBus.DEVICES; device++) {
            var address = new PciAddress(0, device, 0);
            bus.function(device).ifPresent(function -> found.put(address, function));
        }
        return found;
    }

    private void checkOpen() {
        if (closed) {
            throw new LifecycleException("The PCI bus is closed with its machine");
        }
    }

    // ---------------------------------------------------------------------------------------------- power

    /**
     * Power on, or a reset: functions that were asked to leave are off the bus, the others as after power-on, with addresses
     * given out. No vCPU runs.
     *
     * @throws ConfigurationException if the functions' registers do not fit into the windows
     */
    public synchronized void reset() {
        powered = true;
        hotPlug.reset();
        configPorts.setAddress(0);
        List.copyOf(leaving.keySet()).forEach(this::takeOff);
        bus.reset();
    }

    /** Closes the functions that are still plugged, the last place first. Idempotent. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        leaving.values().forEach(future -> future.completeExceptionally(
                new LifecycleException("The machine was closed before the guest let go of the function")));
        leaving.clear();
        @Nullable
        VzException failure = null;
        for (int device = PciBus.DEVICES - 1; device > 0; device--) {
            PciFunction function = bus.remove(device).orElse(null);
            if (function instanceof AutoCloseable closeable) {
                failure = close(closeable, function.name(), failure);
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static @Nullable VzException close(AutoCloseable closeable, String name, @Nullable VzException earlier) {
        VzException failure;
        try {
            closeable.close();
            return earlier;
        } catch (VzException error) {
            failure = error;
        } catch (Exception error) {
            if (error instanceof InterruptedException) {
                Thread.currentThread().interrupt();
            }
            failure = new HostException("close", name, error);
        }
        if (earlier == null) {
            return failure;
        }
        earlier.addSuppressed(failure);
        return earlier;
    }

    // -------------------------------------------------------------------------------------- firmware tables

    /** What the guest must not use for anything else. */
    public AddressRange configurationSpace() {
        return new AddressRange(place.configuration(), ConfigWindow.BYTES);
    }

    /** The bridge for the DSDT, with its hot plug; in the scope {@code \_SB}. */
    public List<Aml> devices() {
        var terms = new ArrayList<Aml>(List.of(Aml.name("_HID", Aml.eisaId("PNP0A08")),
                Aml.name("_CID", Aml.eisaId("PNP0A03")), Aml.name("_UID", Aml.integer(0)),
                Aml.name("_SEG", Aml.integer(0)), Aml.name("_BBN", Aml.integer(0)),
                Aml.name("_CRS", Aml.resources(Aml.busNumbers(0, 0), Aml.ioPorts(ConfigPorts.PORT, ConfigPorts.PORTS),
                        Aml.portWindow((int) place.ports().start(), (int) place.ports().last()),
                        Aml.memoryWindow(place.memory().start(), place.memory().last())))));
        terms.addAll(PciHotPlug.terms(place.hotPlug()));
        // The window to configuration space counts only if it is reserved by a device that is not the bridge.
        Aml reserved = Aml.device("PCIC", Aml.name("_HID", Aml.eisaId("PNP0C02")), Aml.name("_UID", Aml.integer(1)),
                Aml.name("_CRS", Aml.resources(Aml.memory32(place.configuration(), ConfigWindow.BYTES))));
        return List.of(Aml.device(NAME, terms.toArray(Aml[]::new)), reserved);
    }

    /** What the DSDT needs outside {@code \_SB}: what to do when a function comes or is to go. */
    public Aml eventMethod() {
        return PciHotPlug.event(place.event(), PATH);
    }

    /** The MCFG table (PCI Firmware Specification 3.3, 4.1.2): where configuration space of bus 0 is in memory. */
    public byte[] configurationTable() {
        ByteBuffer body = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        body.putLong(0).putLong(place.configuration()).putShort((short) 0).put((byte) 0).put((byte) 0).putInt(0);
        return AcpiTables.table("MCFG", 1, body.array());
    }

    // ------------------------------------------------------------------------------------------------ state

    /**
     * What the bridge holds beside the functions' own states, which are saved with them.
     *
     * @param configAddress CONFIG_ADDRESS
     * @param arrived       places that the guest has not been told of, a bit for each
     * @param leaving       places that the guest has been asked to give up and has not looked at
     * @param functions     the names of what is plugged, by address
     */
    @StateVersion(1)
    public record State(int configAddress, int arrived, int leaving, List<String> functions) {
        /** Keeps a copy. */
        public State {
            functions = List.copyOf(functions);
        }
    }

    @Override
    public Class<State> stateType() {
        return State.class;
    }

    private List<String> names() {
        return functions().entrySet().stream().map(entry -> entry.getKey() + " " + entry.getValue().name())
                .collect(Collectors.toList());
    }

    @Override
    public synchronized State save() {
        return new State(configPorts.address(), hotPlug.arrived(), hotPlug.leaving(), names());
    }

    /** To be called after the functions' own states were put back: their registers move to where those say. */
    @Override
    public synchronized void restore(State state) {
        if (!state.functions().equals(names())) {
            throw new FormatException("The saved PCI bus had " + state.functions() + ", this one has " + names()
                    + "; build the machine as it was when it was saved");
        }
        configPorts.setAddress(state.configAddress());
        hotPlug.restore(state.arrived(), state.leaving());
        bus.settle();
    }

    @Override
    public String toString() {
        return "PCI host bridge";
    }
}
