package dev.vz.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Answers a vCPU's exits, as primitives.
 *
 * <p>
 * Called on the thread that is inside {@link Vcpu#run(VcpuExitHandler)}. The frequent exits have a method each; all
 * others arrive as records through {@link #exit}. A handler may kick its vCPU: the run returns after the current exit is
 * completed. An exception thrown here leaves {@code run} and comes out of it; the exit counts as not answered.
 */
public interface VcpuExitHandler {

    /**
     * The guest reads a port.
     *
     * @param port 0 to 0xFFFF
     * @param size 1, 2 or 4 bytes
     * @return the value, in the low {@code size} bytes
     */
    long portRead(int port, int size);

    /**
     * The guest writes a port.
     *
     * @param port  0 to 0xFFFF
     * @param size  1, 2 or 4 bytes
     * @param value the value, zero-extended
     */
    void portWrite(int port, int size, long value);

    /**
     * The guest reads MMIO: an address where it has no memory.
     *
     * @param gpa  guest-physical address
     * @param size 1 to 8 bytes
     * @return the value, in the low {@code size} bytes
     */
    long mmioRead(long gpa, int size);

    /**
     * The guest writes MMIO.
     *
     * @param gpa   guest-physical address
     * @param size  1 to 8 bytes
     * @param value the value, zero-extended
     */
    void mmioWrite(long gpa, int size, long value);

    /**
     * {@code REP INS}: several reads of one port in one exit.
     *
     * @param count number of reads
     * @param data  where the values go, {@code size * count} bytes
     */
    default void portReadString(int port, int size, int count, MemorySegment data) {
        for (int i = 0; i < count; i++) {
            long value = portRead(port, size);
            for (int b = 0; b < size; b++) {
                data.set(ValueLayout.JAVA_BYTE, (long) i * size + b, (byte) (value >>> 8 * b));
            }
        }
    }

    /**
     * {@code REP OUTS}: several writes to one port in one exit.
     *
     * @param count number of writes
     * @param data  the values, {@code size * count} bytes
     */
    default void portWriteString(int port, int size, int count, MemorySegment data) {
        for (int i = 0; i < count; i++) {
            long value = 0;
            for (int b = 0; b < size; b++) {
                value |= (data.get(ValueLayout.JAVA_BYTE, (long) i * size + b) & 0xFFL) << 8 * b;
            }
            portWrite(port, size, value);
        }
    }

    /**
     * The guest executed {@code HLT} and the back end does not wait for an interrupt by itself.
     *
     * @return whether to enter the guest again; {@code false} leaves {@code run}
     */
    default boolean halt() {
        return false;
    }

    /**
     * Any other exit.
     *
     * @return whether to enter the guest again; {@code false} leaves {@code run}
     */
    boolean exit(VcpuExit exit);
}
