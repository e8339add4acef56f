package dev.vz.conformance;

import dev.vz.bus.AddressRange;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Puts a {@link Guest} together. */
public final class GuestBuilder {

    /** Bytes of the region from {@link GuestLayout#HIGH}. */
    static final long HIGH_SIZE = 3 << 20;
    static final long LOW_SIZE = 0xA_0000;

    private record Handler(int vector, int stack, Consumer<Assembler> code) {}

    private final Hypervisor hypervisor;
    private final GuestMode mode;
    private final List<Handler> handlers = new ArrayList<>();
    private final List<MemoryRegion> regions = new ArrayList<>();
    private Interrupts interrupts = Interrupts.NONE;
    private int vcpus = 1;
    private Consumer<Assembler> code = Assembler::end;

    GuestBuilder(Hypervisor hypervisor, GuestMode mode) {
        this.hypervisor = hypervisor;
        this.mode = mode;
    }

    /** Where the interrupt controllers are; nowhere by default. */
    public GuestBuilder interrupts(Interrupts where) {
        interrupts = where;
        return this;
    }

    /** How many vCPUs; all but the first are created as the back end makes them. */
    public GuestBuilder vcpus(int count) {
        vcpus = count;
        return this;
    }

    /** The code at {@link GuestLayout#CODE}, where the first vCPU starts. */
    public GuestBuilder code(Consumer<Assembler> writer) {
        code = writer;
        return this;
    }

    /**
     * The code that handles {@code vector}; without one the vector ends the run with a fault. At most
     * {@link GuestLayout#HANDLER_SIZE} bytes, always in the flat code segment at privilege level 0.
     */
    public GuestBuilder handler(int vector, Consumer<Assembler> writer) {
        handlers.add(new Handler(vector, 0, writer));
        return this;
    }

    /** The unexpected-fault handler for {@code vector} on a stack of its own (IST1); 64-bit modes. */
    public GuestBuilder separateStack(int vector) {
        handlers.add(new Handler(vector, 1, a -> a.push(vector).out(1, Guest.FAULT_PORT).hlt()));
        return this;
    }

    /** A further region of memory; the guest closes its block. */
    public GuestBuilder region(MemoryRegion region) {
        regions.add(region);
        return this;
    }

    /** Creates the machine and its vCPUs and loads everything. */
    public Guest build() {
        MemoryRequest request = MemoryRequest.of(LOW_SIZE + HIGH_SIZE).named("conformance");
        var block = MemoryAllocator.preferred(request).allocate(request);
        GuestMemory memory = GuestMemory.of(MemoryRegion.of(0, block, 0, LOW_SIZE),
                MemoryRegion.of(GuestLayout.HIGH, block, LOW_SIZE, HIGH_SIZE));
        try {
            regions.forEach(memory::add);
            GuestLayout.write(memory, mode);
            var program = new Assembler(mode.bits(), mode.origin());
            code.accept(program);
            memory.write(GuestLayout.CODE, program.assemble());
            long at = GuestLayout.HANDLERS;
            for (Handler handler : handlers) {
                var assembler = new Assembler(mode.bits(), at);
                handler.code.accept(assembler);
                var place = new AddressRange(at, GuestLayout.HANDLER_SIZE);
                if (!place.contains(at, assembler.size())) {
                    throw new IllegalArgumentException("The handler of vector " + handler.vector + " is too long");
                }
                memory.write(at, assembler.assemble());
                GuestLayout.gate(memory, mode, handler.vector, at, handler.stack);
                at += GuestLayout.HANDLER_SIZE;
            }
            VirtualMachineConfig config = new VirtualMachineConfig("conformance", memory, interrupts, vcpus);
            VirtualMachine machine = hypervisor.createVirtualMachine(config);
            try {
                return new Guest(machine, mode, program);
            } catch (RuntimeException | Error failure) {
                machine.close();
                throw failure;
            }
        } catch (RuntimeException | Error failure) {
            memory.close();
            throw failure;
        }
    }
}
