package dev.vz.emulator.translator;

/** {@link GuestAccess} of regions that are checked: stores are entered in the {@link StoreLog} of the thread first. */
final class LoggedAccess {

    private LoggedAccess() {}

    /** One byte, zero-extended. */
    static long load1(long linear, long[] tlb) {
        return GuestAccess.load1(linear, tlb);
    }

    /** Two bytes, zero-extended. */
    static long load2(long linear, long[] tlb) {
        return GuestAccess.load2(linear, tlb);
    }

    /** Four bytes, zero-extended. */
    static long load4(long linear, long[] tlb) {
        return GuestAccess.load4(linear, tlb);
    }

    /** Eight bytes. */
    static long load8(long linear, long[] tlb) {
        return GuestAccess.load8(linear, tlb);
    }

    /** Stores the low byte. */
    static void store1(long value, long linear, long[] tlb) {
        put1(GuestAccess.place(linear, 0, tlb), value);
    }

    /** Stores the low two bytes. */
    static void store2(long value, long linear, long[] tlb) {
        put2(GuestAccess.place(linear, 1, tlb), value);
    }

    /** Stores the low four bytes. */
    static void store4(long value, long linear, long[] tlb) {
        put4(GuestAccess.place(linear, 3, tlb), value);
    }

    /** Stores eight bytes. */
    static void store8(long value, long linear, long[] tlb) {
        put8(GuestAccess.place(linear, 7, tlb), value);
    }

    /** The host address of bytes up to {@code linear + last} that will be read and written. */
    static long place(long linear, int last, long[] tlb) {
        return GuestAccess.place(linear, last, tlb);
    }

    /** One byte at a {@link #place}, zero-extended. */
    static long get1(long host) {
        return GuestAccess.get1(host);
    }

    /** Two bytes at a {@link #place}, zero-extended. */
    static long get2(long host) {
        return GuestAccess.get2(host);
    }

    /** Four bytes at a {@link #place}, zero-extended. */
    static long get4(long host) {
        return GuestAccess.get4(host);
    }

    /** Eight bytes at a {@link #place}. */
    static long get8(long host) {
        return GuestAccess.get8(host);
    }

    /** Stores the low byte at a {@link #place}. */
    static void put1(long host, long value) {
        StoreLog.ofThread().note(host, 1);
        GuestAccess.put1(host, value);
    }

    /** Stores two bytes at a {@link #place}. */
    static void put2(long host, long value) {
        StoreLog.ofThread().note(host, 2);
        GuestAccess.put2(host, value);
    }

    /** Stores four bytes at a {@link #place}. */
    static void put4(long host, long value) {
        StoreLog.ofThread().note(host, 4);
        GuestAccess.put4(host, value);
    }

    /** Stores eight bytes at a {@link #place}. */
    static void put8(long host, long value) {
        StoreLog.ofThread().note(host, 8);
        GuestAccess.put8(host, value);
    }
}
