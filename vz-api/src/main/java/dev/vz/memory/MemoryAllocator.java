package dev.vz.memory;

import dev.vz.error.CapabilityException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;

/**
 * Where guest memory comes from. Found through {@link ServiceLoader}; {@link #preferred} picks.
 *
 * <p>
 * Implementations are safe for use by several threads.
 */
public interface MemoryAllocator {

    /** A short name, for example {@code "linux"}. */
    String name();

    /** Which allocator wins where several are present: the higher. The one built into vz-api has 0. */
    int priority();

    /** Whether {@link #allocate} can serve requests of this kind on this host. */
    boolean supports(MemoryRequest request);

    /**
     * Makes a block.
     *
     * @throws CapabilityException       if {@link #supports} says no
     * @throws dev.vz.error.HostException if the host refuses, for example for lack of memory or of huge pages
     */
    MemoryBlock allocate(MemoryRequest request);

    /** All allocators on the module path, best first; the pure Java one is always there. */
    static List<MemoryAllocator> all() {
        var found = new ArrayList<MemoryAllocator>();
        ServiceLoader.load(MemoryAllocator.class).forEach(found::add);
        found.add(new JavaMemoryAllocator());
        found.sort(Comparator.comparingInt(MemoryAllocator::priority).reversed());
        return List.copyOf(found);
    }

    /** The best allocator that supports {@code request}. */
    static MemoryAllocator preferred(MemoryRequest request) {
        List<MemoryAllocator> all = all();
        for (MemoryAllocator allocator : all) {
            if (allocator.supports(request)) {
                return allocator;
            }
        }
        throw new CapabilityException("No memory allocator here can make " + request + "; present: "
                + all.stream().map(MemoryAllocator::name).toList() + ". Add dev.vz:vz-linux to the module path.");
    }
}
