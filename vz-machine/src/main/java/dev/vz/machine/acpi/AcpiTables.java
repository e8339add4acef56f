package dev.vz.machine.acpi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Builds the tables of one machine and lays them out in guest memory: RSDP, XSDT, FADT, FACS, MADT, DSDT and whatever is
 * added. Used once, by one thread.
 */
public final class AcpiTables {

    /** Bytes of the header that every table but RSDP and FACS has (5.2.6). */
    public static final int HEADER = 36;

    private static final String OEM = "VZ    ";
    private static final String OEM_TABLE = "VZPC    ";
    private static final int RSDP_SIZE = 36;
    private static final int FADT_SIZE = 276;
    private static final int FACS_SIZE = 64;

    private final long address;
    private final ByteBuffer area;
    private final List<Long> listed = new ArrayList<>();

    private AcpiTables(long address, int capacity) {
        this.address = address;
        this.area = ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN);
        area.position(64); // the RSDP comes first and is written last
    }

    /**
     * All tables of a machine, as they are to be copied to {@code address}; the RSDP is at the start.
     *
     * @param address  guest-physical, below 4 GiB, a multiple of 64
     * @param capacity bytes that are there for them
     * @param fixed    what the FADT says
     * @param madt     the MADT's body
     * @param dsdt     the terms of the DSDT
     * @param others   further tables, complete
     * @throws java.nio.BufferOverflowException if they do not fit
     */
    public static byte[] build(long address, int capacity, FixedHardware fixed, byte[] madt, Aml dsdt,
            List<byte[]> others) {
        var tables = new AcpiTables(address, capacity);
        long dsdtAddress = tables.place(table("DSDT", 2, dsdt.bytes()));
        long facsAddress = tables.place(facs());
        tables.list(fadt(fixed, dsdtAddress, facsAddress));
        tables.list(table("APIC", 5, madt));
        others.forEach(tables::list);
        return tables.finish();
    }

    private long place(byte[] table) {
        area.position(area.position() + 63 & ~63); // FACS must be 64-byte aligned; the others do not mind
        long at = address + area.position();
        area.put(table);
        return at;
    }

    private void list(byte[] table) {
        listed.add(place(table));
    }

    private byte[] finish() {
        ByteBuffer entries = ByteBuffer.allocate(8 * listed.size()).order(ByteOrder.LITTLE_ENDIAN);
        listed.forEach(entries::putLong);
        long xsdt = place(table("XSDT", 1, entries.array()));
        int used = area.position();
        byte[] rsdp = rsdp(xsdt);
        area.put(0, rsdp);
        var all = new byte[used];
        area.get(0, all);
        return all;
    }

    /** Root system description pointer, revision 2 (5.2.5.3). No RSDT: guests of 64 bits read the XSDT. */
    private static byte[] rsdp(long xsdt) {
        ByteBuffer b = buffer(RSDP_SIZE);
        b.put(ascii("RSD PTR ")).put((byte) 0).put(ascii(OEM)).put((byte) 2).putInt(0);
        b.putInt(RSDP_SIZE).putLong(xsdt);
        b.put(8, checksum(b.array(), 0, 20));
        b.put(32, checksum(b.array(), 0, RSDP_SIZE));
        return b.array();
    }

    /** A table: header, {@code body}, checksum. {@code signature} has four characters. */
    public static byte[] table(String signature, int revision, byte[] body) {
        ByteBuffer b = buffer(HEADER + body.length);
        b.put(ascii(signature)).putInt(HEADER + body.length).put((byte) revision).put((byte) 0);
        b.put(ascii(OEM)).put(ascii(OEM_TABLE)).putInt(1).put(ascii("VZ  ")).putInt(1);
        b.put(body);
        b.put(9, checksum(b.array(), 0, b.capacity()));
        return b.array();
    }

    /** Firmware ACPI control structure, version 2 (5.2.10): no global lock holder, no waking vector. */
    private static byte[] facs() {
        ByteBuffer b = buffer(FACS_SIZE);
        b.put(ascii("FACS")).putInt(FACS_SIZE);
        b.put(32, (byte) 2);
        return b.array();
    }

    /** Fixed ACPI description table, revision 6 (5.2.9). */
    private static byte[] fadt(FixedHardware f, long dsdt, long facs) {
        ByteBuffer b = buffer(FADT_SIZE - HEADER);
        at(b, 36).putInt((int) facs).putInt((int) dsdt);
        at(b, 46).putShort((short) f.sciGsi());
        at(b, 56).putInt(f.pm1Event());
        at(b, 64).putInt(f.pm1Control());
        at(b, 76).putInt(f.pmTimer());
        at(b, 88).put((byte) 4).put((byte) 2); // PM1_EVT_LEN, PM1_CNT_LEN
        at(b, 91).put((byte) 4); // PM_TMR_LEN
        at(b, 96).putShort((short) 0xFFF).putShort((short) 0xFFF); // latencies of C2 and C3: neither is there
        at(b, 108).put((byte) f.centuryRegister());
        at(b, 109).putShort((short) f.bootArchitecture());
        at(b, 112).putInt(FixedHardware.FLAGS);
        address(at(b, 116), 8, 1, f.resetPort());
        b.put((byte) f.resetValue());
        at(b, 131).put((byte) 5); // minor version: ACPI 6.5
        at(b, 132).putLong(0); // X_FIRMWARE_CTRL: the 32-bit field above holds it, and only one may
        b.putLong(dsdt);
        address(at(b, 148), 32, 3, f.pm1Event());
        address(at(b, 172), 16, 2, f.pm1Control());
        address(at(b, 208), 32, 3, f.pmTimer());
        at(b, 268).put(ascii("VZ      ")); // hypervisor vendor
        return table("FACP", 6, b.array());
    }

    /** Moves to {@code offset} of the whole table. */
    private static ByteBuffer at(ByteBuffer body, int offset) {
        return body.position(offset - HEADER);
    }

    /** Generic address structure of an I/O port (5.2.3.2). */
    private static void address(ByteBuffer b, int bits, int accessSize, int port) {
        b.put((byte) 1).put((byte) bits).put((byte) 0).put((byte) accessSize).putLong(port);
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** What makes the bytes sum to zero. */
    private static byte checksum(byte[] bytes, int from, int length) {
        int sum = 0;
        for (int i = from; i < from + length; i++) {
            sum += bytes[i];
        }
        return (byte) -sum;
    }
}
