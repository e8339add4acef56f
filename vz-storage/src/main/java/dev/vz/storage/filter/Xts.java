package dev.vz.storage.filter;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;

/**
 * AES in XTS mode (IEEE 1619), many sectors at a time, the sector's number as little-endian tweak ("plain64"). Of one
 * thread. The JDK has no XTS, but its AES-ECB uses the processor's instructions over long runs, so whole runs are masked,
 * enciphered at once and masked again.
 */
final class Xts {

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int BLOCK = 16;
    /** The polynomial x^128 + x^7 + x^2 + x + 1 without its first term. */
    private static final long FEEDBACK = 0x87;

    private final Cipher encrypt;
    private final Cipher decrypt;
    private final Cipher tweak;
    private final int sectorSize;
    private byte[] tweaks = new byte[BLOCK];
    private byte[] mask = new byte[0];

    /** {@code key}: the data key and the tweak key, 16 or 32 bytes each. */
    Xts(byte[] key, int sectorSize) {
        if (key.length != 32 && key.length != 64) {
            throw new ConfigurationException("AES-XTS has a key of 32 or 64 bytes, not " + key.length);
        }
        this.sectorSize = sectorSize;
        int half = key.length / 2;
        try {
            encrypt = Cipher.getInstance("AES/ECB/NoPadding");
            encrypt.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, 0, half, "AES"));
            decrypt = Cipher.getInstance("AES/ECB/NoPadding");
            decrypt.init(Cipher.DECRYPT_MODE, new SecretKeySpec(key, 0, half, "AES"));
            tweak = Cipher.getInstance("AES/ECB/NoPadding");
            tweak.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, half, half, "AES"));
        } catch (GeneralSecurityException missing) {
            throw new CapabilityException("This JDK has no AES", missing);
        }
    }

    /** Encrypts or decrypts {@code length} bytes of {@code data} in place; they start with sector {@code sector}. */
    void apply(boolean encrypting, byte[] data, int length, long sector) {
        try {
            prepareMask(length, sector);
            mask(data, length);
            Cipher cipher = encrypting ? encrypt : decrypt;
            cipher.update(data, 0, length, data, 0);
            mask(data, length);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException("AES takes whole blocks, and these are", impossible);
        }
    }

    private void prepareMask(int length, long firstSector) throws GeneralSecurityException {
        int sectors = length / sectorSize;
        if (mask.length < length) {
            mask = new byte[length];
            tweaks = new byte[sectors * BLOCK];
        }
        for (int i = 0; i < sectors; i++) {
            LONG.set(tweaks, i * BLOCK, firstSector + i);
            LONG.set(tweaks, i * BLOCK + 8, 0L);
        }
        tweak.update(tweaks, 0, sectors * BLOCK, tweaks, 0);
        for (int i = 0; i < sectors; i++) {
            long low = (long) LONG.get(tweaks, i * BLOCK);
            long high = (long) LONG.get(tweaks, i * BLOCK + 8);
            int end = (i + 1) * sectorSize;
            for (int at = i * sectorSize; at < end; at += BLOCK) {
                LONG.set(mask, at, low);
                LONG.set(mask, at + 8, high);
                long carry = high >> 63; // all ones if the highest bit falls out
                high = high << 1 | low >>> 63;
                low = low << 1 ^ carry & FEEDBACK;
            }
        }
    }

    private void mask(byte[] data, int length) {
        for (int i = 0; i < length; i += 8) {
            LONG.set(data, i, (long) LONG.get(data, i) ^ (long) LONG.get(mask, i));
        }
    }
}
