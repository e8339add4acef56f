package dev.vz.emulator.translator;

import java.lang.invoke.VarHandle;

/**
 * {@link GuestAccess} as other processors expect it: loads in order, stores in
 * order, and no store before an earlier load, as x86 has it (Intel SDM volume 3A, section 9.2). On an x86 host the fences cost no instruction; they keep the
 * just-in-time compiler from exchanging accesses.
 *
 * <p>
 * A processor that is alone does without: the just-in-time compiler never exchanges a store with an earlier access, and a
 * device on another thread says in memory that there is something to read, so that a branch lies between the loads. The
 * fences took a tenth of a sort's time and a third of a list's walk, because nothing is kept in host registers across them.
 */
final class OrderedAccess {

    private OrderedAccess() {}

    /** One byte, zero-extended. */
    static long load1(long linear, long[] tlb) {
        long value = GuestAccess.load1(linear, tlb);
        VarHandle.acquireFence();
        return value;
    }

    /** Two bytes, zero-extended. */
    static long load2(long linear, long[] tlb) {
        long value = GuestAccess.load2(linear, tlb);
        VarHandle.acquireFence();
        return value;
    }

    /** Four bytes, zero-extended. */
    static long load4(long linear, long[] tlb) {
        long value = GuestAccess.load4(linear, tlb);
        VarHandle.acquireFence();
        return value;
    }

    /** Eight bytes. */
    static long load8(long linear, long[] tlb) {
        long value = GuestAccess.load8(linear, tlb);
        VarHandle.acquireFence();
        return value;
    }

    /** Stores the low byte. */
    static void store1(long value, long linear, long[] tlb) {
        VarHandle.releaseFence();
        GuestAccess.store1(value, linear, tlb);
    }

    /** Stores the low two bytes. */
    static void store2(long value, long linear, long[] tlb) {
        VarHandle.releaseFence();
        GuestAccess.store2(value, linear, tlb);
    }

    /** Stores the low four bytes. */
    static void store4(long value, long linear, long[] tlb) {
        VarHandle.releaseFence();
        GuestAccess.store4(value, linear, tlb);
    }

    /** Stores eight bytes. */
    static void store8(long value, long linear, long[] tlb) {
        VarHandle.releaseFence();
        GuestAccess.store8(value, linear, tlb);
    }

    /** The host address of bytes up to {@code linear + last} that will be read and written. */
    static long place(long linear, int last, long[] tlb) {
        return GuestAccess.place(linear, last, tlb);
    }

    /** One byte at a {@link #place}, zero-extended. */
    static long get1(long host) {
        long value = GuestAccess.get1(host);
        VarHandle.acquireFence();
        return value;
    }

    /** Two bytes at a {@link #place}, zero-extended. */
    static long get2(long host) {
        long value = GuestAccess.get2(host);
        VarHandle.acquireFence();
        return value;
    }

    /** Four bytes at a {@link #place}, zero-extended. */
    static long get4(long host) {
        long value = GuestAccess.get4(host);
        VarHandle.acquireFence();
        return value;
    }

    /** Eight bytes at a {@link #place}. */
    static long get8(long host) {
        long value = GuestAccess.get8(host);
        VarHandle.acquireFence();
        return value;
    }

    /** Stores the low byte at a {@link #place}. */
    static void put1(long host, long value) {
        VarHandle.releaseFence();
        GuestAccess.put1(host, value);
    }

    /** Stores two bytes at a {@link #place}. */
    static void put2(long host, long value) {
        VarHandle.releaseFence();
        GuestAccess.put2(host, value);
    }

    /** Stores four bytes at a {@link #place}. */
    static void put4(long host, long value) {
        VarHandle.releaseFence();
        GuestAccess.put4(host, value);
    }

    /** Stores eight bytes at a {@link #place}. */
    static void put8(long host, long value) {
        VarHandle.releaseFence();
        GuestAccess.put8(host, value);
    }
}
