package dev.vz.storage.image;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Unpacks what was deflated with a zlib header. */
public final class Inflation {

    private Inflation() {}

    /**
     * Fills all of {@code target}.
     *
     * @param name the image, for messages
     * @throws CorruptImageException if {@code stored} is damaged or does not fill it
     */
    public static void inflate(MemorySegment stored, MemorySegment target, String name) {
        var inflater = new Inflater();
        try {
            inflater.setInput(stored.toArray(ValueLayout.JAVA_BYTE));
            byte[] unpacked = new byte[Math.toIntExact(target.byteSize())];
            int done = 0;
            while (done < unpacked.length && !inflater.finished()) {
                int more = inflater.inflate(unpacked, done, unpacked.length - done);
                if (more == 0) {
                    break; // it wants more input than there is
                }
                done += more;
            }
            if (done != unpacked.length) {
                throw new CorruptImageException("A compressed unit of " + name + " unpacks to " + done
                        + " bytes, not to " + unpacked.length);
            }
            MemorySegment.copy(MemorySegment.ofArray(unpacked), 0, target, 0, done);
        } catch (DataFormatException damaged) {
            throw new CorruptImageException("A compressed unit of " + name + " cannot be unpacked: " + damaged
                    .getMessage());
        } finally {
            inflater.end();
        }
    }
}
