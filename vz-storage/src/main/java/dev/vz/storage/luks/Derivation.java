package dev.vz.storage.luks;

import dev.vz.error.CapabilityException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** PBKDF2 over any bytes (the JDK's takes characters alone), and the anti-forensic splitter: sections 2.4 and 3. */
final class Derivation {

    private Derivation() {}

    /** The JDK's name for a hash of the header: {@code sha256} is {@code SHA-256}. */
    private static String digestName(String hash) {
        return switch (hash) {
            case "sha1" -> "SHA-1";
            case "sha256" -> "SHA-256";
            case "sha512" -> "SHA-512";
            default ->
                    throw new CapabilityException("The hash '" + hash + "' of a LUKS header is not known here; sha1, "
                            + "sha256 and sha512 are");
        };
    }

    static byte[] pbkdf2(String hash, byte[] secret, byte[] salt, int iterations, int length) {
        try {
            Mac mac = Mac.getInstance("Hmac" + digestName(hash).replace("-", ""));
            mac.init(new SecretKeySpec(secret.length == 0 ? new byte[1] : secret, "RAW"));
            int size = mac.getMacLength();
            byte[] derived = new byte[(length + size - 1) / size * size];
            byte[] round = new byte[size];
            for (int block = 1; (block - 1) * size < length; block++) {
                mac.update(salt);
                mac.update(
                        new byte[] {(byte) (block >>> 24), (byte) (block >>> 16), (byte) (block >>> 8), (byte) block});
                mac.doFinal(round, 0);
                int at = (block - 1) * size;
                System.arraycopy(round, 0, derived, at, size);
                for (int i = 1; i < iterations; i++) {
                    mac.update(round);
                    mac.doFinal(round, 0);
                    for (int j = 0; j < size; j++) {
                        derived[at + j] ^= round[j];
                    }
                }
            }
            return Arrays.copyOf(derived, length);
        } catch (GeneralSecurityException missing) {
            throw new CapabilityException("Cannot derive a key with " + hash + ": " + missing.getMessage());
        }
    }

    /** Key material of {@code stripes} times the key's length becomes the key. */
    static byte[] merge(String hash, byte[] material, int keyBytes, int stripes) {
        byte[] key = new byte[keyBytes];
        for (int stripe = 0; stripe < stripes - 1; stripe++) {
            xor(key, material, stripe * keyBytes);
            diffuse(hash, key);
        }
        xor(key, material, (stripes - 1) * keyBytes);
        return key;
    }

    /** The last stripe of {@code material} is made so that all of them become {@code key}. */
    static void split(String hash, byte[] material, byte[] key, int stripes) {
        byte[] state = new byte[key.length];
        for (int stripe = 0; stripe < stripes - 1; stripe++) {
            xor(state, material, stripe * key.length);
            diffuse(hash, state);
        }
        for (int i = 0; i < key.length; i++) {
            material[(stripes - 1) * key.length + i] = (byte) (state[i] ^ key[i]);
        }
    }

    private static void xor(byte[] state, byte[] material, int at) {
        for (int i = 0; i < state.length; i++) {
            state[i] ^= material[at + i];
        }
    }

    private static void diffuse(String hash, byte[] state) {
        try {
            MessageDigest digest = MessageDigest.getInstance(digestName(hash));
            int size = digest.getDigestLength();
            for (int block = 0; block * size < state.length; block++) {
                int length = Math.min(size, state.length - block * size);
                digest.update(new byte[] {(byte) (block >>> 24), (byte) (block >>> 16), (byte) (block >>> 8),
                    (byte) block});
                digest.update(state, block * size, length);
                System.arraycopy(digest.digest(), 0, state, block * size, length);
            }
        } catch (GeneralSecurityException missing) {
            throw new CapabilityException("Cannot hash with " + hash + ": " + missing.getMessage());
        }
    }
}
