package dev.vz.machine.acpi;

import dev.vz.error.ConfigurationException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
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
    private final byte[] area;
    private final List<Long> listed = new ArrayList<>();
    private int used = 64; // the RSDP comes first and is written last

    private AcpiTables(long address, int capacity) {
        this.address = address;
        this.area = new byte[capacity];
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
     * @throws ConfigurationException if they do not fit
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
        int at = used + 63 & ~63; // FACS must be 64-byte aligned; the others do not mind
        if (table.length > area.length - at) {
            throw new ConfigurationException("The firmware tables need more than the " + area.length
                    + " bytes that are there for them; attach fewer devices");
        }
        System.arraycopy(table, 0, area, at, table.length);
        used = at + table.length;
        return address + at;
    }

    private void list(byte[] table) {
        listed.add(place(table));
    }

    private byte[] finish() {
        var entries = new byte[8 * listed.size()];
        for (int i = 0; i < listed.size(); i++) {
            put(entries, 8 * i, 8, listed.get(i));
        }
        byte[] rsdp = rsdp(place(table("XSDT", 1, entries)));
        System.arraycopy(rsdp, 0, area, 0, rsdp.length);
        return Arrays.copyOf(area, used);
    }

    /** Root system description pointer, revision 2 (5.2.5.3). No RSDT: guests of 64 bits read the XSDT. */
    private static byte[] rsdp(long xsdt) {
        var b = new byte[RSDP_SIZE];
        put(b, 0, "RSD PTR ");
        put(b, 9, OEM);
        put(b, 15, 1, 2);
        put(b, 20, 4, RSDP_SIZE);
        put(b, 24, 8, xsdt);
        b[8] = checksum(b, 20);
        b[32] = checksum(b, RSDP_SIZE);
        return b;
    }

    /** A table: header, {@code body}, checksum. {@code signature} has four characters. */
    public static byte[] table(String signature, int revision, byte[] body) {
        var b = new byte[HEADER + body.length];
        put(b, 0, signature);
        put(b, 4, 4, b.length);
        put(b, 8, 1, revision);
        put(b, 10, OEM);
        put(b, 16, OEM_TABLE);
        put(b, 24, 4, 1);
        put(b, 28, "VZ  ");
        put(b, 32, 4, 1);
        System.arraycopy(body, 0, b, HEADER, body.length);
        b[9] = checksum(b, b.length);
        return b;
    }

    /** Firmware ACPI control structure, version 2 (5.2.10): no global lock holder, no waking vector. */
    private static byte[] facs() {
        var b = new byte[FACS_SIZE];
        put(b, 0, "FACS");
        put(b, 4, 4, FACS_SIZE);
        b[32] = 2;
        return b;
    }

    /** Fixed ACPI description table, revision 6 (5.2.9). Offsets are those of the whole table. */
    private static byte[] fadt(FixedHardware f, long dsdt, long facs) {
        var b = new byte[FADT_SIZE];
        put(b, 36, 4, facs);
        put(b, 40, 4, dsdt);
        put(b, 46, 2, f.sciGsi());
        put(b, 56, 4, f.pm1Event());
        put(b, 64, 4, f.pm1Control());
        put(b, 76, 4, f.pmTimer());
        put(b, 80, 4, f.gpe0());
        put(b, 88, 1, 4); // PM1_EVT_LEN
        put(b, 89, 1, 2); // PM1_CNT_LEN
        put(b, 91, 1, 4); // PM_TMR_LEN
        put(b, 92, 1, 2); // GPE0_BLK_LEN
        put(b, 96, 2, 0xFFF); // latencies of C2 and C3: neither is there
        put(b, 98, 2, 0xFFF);
        put(b, 108, 1, f.centuryRegister());
        put(b, 109, 2, f.bootArchitecture());
        put(b, 112, 4, FixedHardware.FLAGS);
        putPort(b, 116, 8, 1, f.resetPort());
        put(b, 128, 1, f.resetValue());
        put(b, 131, 1, 5); // minor version: ACPI 6.5
        // X_FIRMWARE_CTRL stays 0: the 32-bit field above holds the address, and only one of them may.
        put(b, 140, 8, dsdt);
        putPort(b, 148, 32, 3, f.pm1Event());
        putPort(b, 172, 16, 2, f.pm1Control());
        putPort(b, 208, 32, 3, f.pmTimer());
        putPort(b, 220, 16, 1, f.gpe0());
        put(b, 268, "VZ      "); // hypervisor vendor
        return table("FACP", 6, Arrays.copyOfRange(b, HEADER, FADT_SIZE));
    }

    /** Generic address structure of an I/O port (5.2.3.2). */
    private static void putPort(byte[] b, int offset, int bits, int accessSize, int port) {
        put(b, offset, 1, 1); // system I/O space
        put(b, offset + 1, 1, bits);
        put(b, offset + 3, 1, accessSize);
        put(b, offset + 4, 8, port);
    }

    private static void put(byte[] b, int offset, int size, long value) {
        System.arraycopy(Aml.little(value, size), 0, b, offset, size);
    }

    private static void put(byte[] b, int offset, String text) {
        byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(ascii, 0, b, offset, ascii.length);
    }

    /** What makes the first {@code length} bytes sum to zero. */
    private static byte checksum(byte[] bytes, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes[i];
        }
        return (byte) -sum;
    }
}
