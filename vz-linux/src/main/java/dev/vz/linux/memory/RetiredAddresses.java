package dev.vz.linux.memory;

import dev.vz.linux.Errno;
import dev.vz.linux.call.MemoryCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.System.Logger.Level;
import java.lang.ref.Cleaner;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Addresses of a mapping that was closed, kept from other use until nobody can reach its owner.
 *
 * <p>
 * An access that a close overtakes falls on empty pages that belong to nobody. They cost the kernel an entry in its list
 * of mappings, and neighbours share one; the collector decides when it ends. Where many have gathered, it is asked.
 */
final class RetiredAddresses implements Runnable {

    private static final System.Logger LOG = System.getLogger(RetiredAddresses.class.getName());
    private static final Cleaner CLEANER = Cleaner.create();
    /** A process has 65,530 mappings by the kernel's default. */
    private static final int MANY = 8_192;
    private static final AtomicInteger HELD = new AtomicInteger();

    private final long address;
    private final long size;
    private boolean retired;

    private RetiredAddresses(long address, long size) {
        this.address = address;
        this.size = size;
    }

    /** Keeps {@code size} bytes from {@code address}, pages of {@code owner}, for as long as that can be reached. */
    static RetiredAddresses of(Object owner, long address, long size) {
        if (HELD.get() >= MANY) {
            collect();
        }
        var addresses = new RetiredAddresses(address, size);
        CLEANER.register(owner, addresses);
        return addresses;
    }

    /** Gives the memory back to the host and puts empty pages in its place. */
    synchronized void retire() {
        long result = MemoryCalls.mmap(address, size, LinuxHeaders.PROT_READ() | LinuxHeaders.PROT_WRITE(),
                LinuxHeaders.MAP_PRIVATE() | LinuxHeaders.MAP_ANONYMOUS() | LinuxHeaders.MAP_NORESERVE()
                        | LinuxHeaders.MAP_FIXED(),
                -1, 0);
        if (result < 0) {
            // What is mapped there stays until the owner is gone: dearer, and as harmless.
            LOG.log(Level.WARNING, "The memory at 0x{0} stays mapped until its owner is collected: {1}",
                    Long.toHexString(address), Errno.name((int) -result));
        }
        retired = true;
        HELD.incrementAndGet();
    }

    /** The owner is gone. One that was never closed keeps its mapping, whose segment somebody may be using. */
    @Override
    public synchronized void run() {
        if (retired) {
            HELD.decrementAndGet();
            int result = MemoryCalls.munmap(address, size);
            if (result < 0) {
                LOG.log(Level.WARNING, "The addresses from 0x{0} cannot be given back: {1}", Long.toHexString(address),
                        Errno.name(-result));
            }
        }
    }

    /** Asks the collector for what nobody can reach, and gives the cleaner a moment. */
    static void collect() {
        int before = HELD.get();
        System.gc();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
        while (HELD.get() > before / 2 && System.nanoTime() < end) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** How many are kept now. */
    static int held() {
        return HELD.get();
    }
}
