package dev.vz.storage.luks;

import dev.vz.error.CapabilityException;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.SecretKeySpec;

/**
 * AES in XTS mode (IEEE 1619) over sectors of 512 bytes, whose number is the tweak ("plain64"). The JDK has the block cipher
 * and not the mode. Not for several threads at a time.
 */
final class XtsCipher {

    static final int SECTOR = 512;
    private static final int BLOCK = 16;

    private final Cipher encryption;
    private final Cipher decryption;
    private final Cipher tweaks;
    private final byte[] tweak = new byte[SECTOR];

    /** With both halves of {@code key}: 32 or 64 bytes. */
    XtsCipher(byte[] key) {
        int half = key.length / 2;
        var dataKey = new SecretKeySpec(key, 0, half, "AES");
        encryption = cipher(Cipher.ENCRYPT_MODE, dataKey);
        decryption = cipher(Cipher.DECRYPT_MODE, dataKey);
        tweaks = cipher(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, half, half, "AES"));
    }

    private static Cipher cipher(int mode, SecretKeySpec key) {
        try {
            Cipher cipher = Cipher.getInstance("AES/ECB/NoPadding");
            cipher.init(mode, key);
            return cipher;
        } catch (GeneralSecurityException missing) {
            throw new CapabilityException("Cannot use AES with a key of " + key.getEncoded().length * 8 + " bits: "
                    + missing.getMessage());
        }
    }

    /** En- or decrypts whole sectors in place, of which the first has the number {@code sector}. */
    void apply(boolean encrypt, long sector, byte[] data, int length) {
        for (int at = 0; at < length; at += SECTOR) {
            sector(encrypt ? encryption : decryption, sector + at / SECTOR, data, at);
        }
    }

    private void sector(Cipher cipher, long number, byte[] data, int at) {
        try {
            Arrays.fill(tweak, 0, BLOCK, (byte) 0);
            for (int i = 0; i < 8; i++) {
                tweak[i] = (byte) (number >>> 8 * i);
            }
            tweaks.doFinal(tweak, 0, BLOCK, tweak, 0);
            for (int block = BLOCK; block < SECTOR; block += BLOCK) {
                twice(block);
            }
            mix(data, at);
            cipher.doFinal(data, at, SECTOR, data, at);
            mix(data, at);
        } catch (ShortBufferException impossible) {
            throw new IllegalStateException("AES changed a length", impossible);
        } catch (GeneralSecurityException failure) {
            throw new IllegalStateException("AES refused whole blocks", failure);
        }
    }

    /** The tweak of the next block: the one before times x in the field of 2^128 elements. */
    private void twice(int block) {
        int carry = 0;
        for (int i = 0; i < BLOCK; i++) {
            int value = Byte.toUnsignedInt(tweak[block - BLOCK + i]) << 1 | carry;
            tweak[block + i] = (byte) value;
            carry = value >>> 8;
        }
        if (carry != 0) {
            tweak[block] ^= (byte) 0x87;
        }
    }

    private void mix(byte[] data, int at) {
        for (int i = 0; i < SECTOR; i++) {
            data[at + i] ^= tweak[i];
        }
    }
}
