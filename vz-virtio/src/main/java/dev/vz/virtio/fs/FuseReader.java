package dev.vz.virtio.fs;

import dev.vz.virtio.queue.ChainReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** The arguments of a request, field by field. Each byte is fetched once. */
final class FuseReader {

    /** Bytes of a name, and of a link's target. */
    private static final int MOST_NAME = 255;
    private static final int MOST_TARGET = 4095;

    private final ChainReader reader;
    private final byte[] text = new byte[MOST_TARGET + 1];

    FuseReader(ChainReader reader) {
        this.reader = reader;
    }

    ChainReader chain() {
        return reader;
    }

    void require(long bytes) throws FuseException {
        if (reader.remaining() < bytes) {
            throw new FuseException(FuseException.EINVAL);
        }
    }

    int int32() throws FuseException {
        require(4);
        return (int) reader.readLittleEndian(4);
    }

    long int64() throws FuseException {
        require(8);
        return reader.readLittleEndian(8);
    }

    void skip(int bytes) throws FuseException {
        if (!reader.skip(bytes)) {
            throw new FuseException(FuseException.EINVAL);
        }
    }

    /** A name within a directory. */
    String name() throws FuseException {
        String name = string(MOST_NAME);
        if (!isName(name)) {
            throw new FuseException(FuseException.EINVAL);
        }
        return name;
    }

    /** Whether it names something within a directory, and nothing else. */
    static boolean isName(String name) {
        return !name.isEmpty() && !name.equals(".") && !name.equals("..") && name.indexOf('/') < 0
                && name.indexOf('\0') < 0 && name.getBytes(StandardCharsets.UTF_8).length <= MOST_NAME;
    }

    String target() throws FuseException {
        return string(MOST_TARGET);
    }

    /** Characters up to a zero byte. */
    private String string(int most) throws FuseException {
        int length = 0;
        while (true) {
            int next = reader.readByte();
            if (next < 0) {
                throw new FuseException(FuseException.EINVAL);
            }
            if (next == 0) {
                break;
            }
            if (length == most) {
                throw new FuseException(FuseException.ENAMETOOLONG);
            }
            text[length++] = (byte) next;
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(text, 0, length)).toString();
        } catch (CharacterCodingException notText) {
            throw new FuseException(FuseException.EILSEQ);
        }
    }
}
