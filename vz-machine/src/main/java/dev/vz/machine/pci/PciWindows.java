package dev.vz.machine.pci;

import dev.vz.bus.AddressRange;
import dev.vz.error.ConfigurationException;
import dev.vz.pci.PciBar;
import dev.vz.pci.PciFunction;
import java.util.Collection;
import java.util.Comparator;
import java.util.stream.Stream;

/**
 * The addresses that the host bridge passes on to its bus, and how they are shared out at power-on.
 *
 * @param memory guest-physical addresses
 * @param ports  ports
 */
record PciWindows(AddressRange memory, AddressRange ports) {

    /** Whether {@code bar} can answer at {@code start}. */
    boolean allow(PciBar bar, long start) {
        return window(bar).contains(start, bar.size());
    }

    private AddressRange window(PciBar bar) {
        return bar.kind() == PciBar.Kind.PORT ? ports : memory;
    }

    /**
     * Gives every register block of {@code functions} an address, as firmware does: the largest first, each at a multiple of
     * its size. The guest enables them, or moves them.
     *
     * @throws ConfigurationException if there is not enough room
     */
    void share(Collection<PciFunction> functions) {
        record Block(PciFunction function, PciBar bar) {}
        Stream<Block> blocks = functions.stream()
                .flatMap(function -> function.bars().stream().map(bar -> new Block(function, bar)))
                .sorted(Comparator.comparingLong((Block block) -> block.bar().size()).reversed());
        long[] next = {memory.start(), ports.start()};
        blocks.forEachOrdered(block -> {
            PciBar bar = block.bar();
            int space = bar.kind() == PciBar.Kind.PORT ? 1 : 0;
            long start = next[space] + bar.size() - 1 & -bar.size();
            if (!allow(bar, start)) {
                throw new ConfigurationException("The " + bar.size() + " bytes of BAR " + bar.index() + " of "
                        + block.function().name() + " do not fit into the PCI window " + window(bar)
                        + " beside the other functions");
            }
            next[space] = start + bar.size();
            int register = FunctionSlot.FIRST_BAR + 4 * bar.index();
            block.function().writeConfig(register, 4, (int) start);
            if (bar.kind() == PciBar.Kind.MEMORY64) {
                block.function().writeConfig(register + 4, 4, (int) (start >>> 32));
            }
        });
    }
}
