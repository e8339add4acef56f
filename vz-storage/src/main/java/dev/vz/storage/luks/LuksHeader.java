package dev.vz.storage.luks;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;

/**
 * A LUKS header of version 1, and the master key within: section "The partition header". Its numbers are big-endian.
 *
 * @param cipherName       the cipher: aes
 * @param cipherMode       its mode: xts-plain64
 * @param hashSpec         the hash for all derivations
 * @param payloadOffset    sectors from the header's start to the data
 * @param keyBytes         bytes of the master key
 * @param mkDigest         what a right master key derives to
 * @param mkDigestSalt     with this salt
 * @param mkDigestIterations and so many rounds
 * @param uuid             the name of the volume
 * @param keySlots         eight places for passphrases
 */
public record LuksHeader(String cipherName, String cipherMode, String hashSpec, int payloadOffset, int keyBytes,
        byte[] mkDigest, byte[] mkDigestSalt, int mkDigestIterations, String uuid, List<KeySlot> keySlots) {

    /**
     * A place for a passphrase.
     *
     * @param active             whether it is used
     * @param iterations         rounds of the derivation
     * @param salt               its salt
     * @param keyMaterialOffset  sectors from the header's start to the key material
     * @param stripes            how often the key material is as long as the key
     */
    public record KeySlot(boolean active, int iterations, byte[] salt, int keyMaterialOffset, int stripes) {}

    /** Bytes of the header itself. */
    public static final int LENGTH = 592;
    private static final byte[] MAGIC = {'L', 'U', 'K', 'S', (byte) 0xba, (byte) 0xbe};
    private static final int ENABLED = 0x00ac71f3;
    private static final int DISABLED = 0x0000dead;
    private static final int SLOTS = 8;
    private static final int STRIPES = 4000;
    private static final int SALT = 32;
    private static final int DIGEST = 20;
    private static final int MAX_ITERATIONS = 20_000_000;
    private static final int MAX_MATERIAL = 8 << 20;
    private static final int SECTOR = 512;
    private static final int ALIGNMENT = 4096 / SECTOR;

    /** Reads the header that starts at {@code at} of {@code file}. */
    public static LuksHeader read(ImageFile file, long at) {
        byte[] bytes = new byte[LENGTH];
        file.read(at, MemorySegment.ofArray(bytes));
        ByteBuffer header = ByteBuffer.wrap(bytes);
        if (!Arrays.equals(bytes, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
            throw bad(file, "it does not start with 'LUKS'");
        }
        if (header.getShort(6) != 1) {
            throw new CapabilityException("Cannot open " + file.name() + ": LUKS version 1 is known here, it has "
                    + header.getShort(6));
        }
        List<KeySlot> slots = new ArrayList<>();
        int keyBytes = header.getInt(108);
        if (keyBytes != 32 && keyBytes != 64) {
            throw new CapabilityException(
                    "Cannot open " + file.name() + ": master keys of 256 and 512 bits are known here, "
                            + "it has " + keyBytes * 8L);
        }
        for (int i = 0; i < SLOTS; i++) {
            int slot = 208 + i * 48;
            int stripes = header.getInt(slot + 44);
            int iterations = header.getInt(slot + 4);
            boolean active = header.getInt(slot) == ENABLED;
            if (active && (stripes < 1 || stripes > MAX_MATERIAL / keyBytes || iterations < 1
                    || iterations > MAX_ITERATIONS || header.getInt(slot + 40) < 0)) {
                throw bad(file, "key slot " + i + " has " + Integer.toUnsignedString(stripes) + " stripes and "
                        + Integer.toUnsignedString(iterations) + " iterations");
            }
            slots.add(new KeySlot(active, iterations, Arrays.copyOfRange(bytes, slot + 8, slot + 8 + SALT), header
                    .getInt(slot + 40), stripes));
        }
        int rounds = header.getInt(164);
        if (rounds < 1 || rounds > MAX_ITERATIONS) {
            throw bad(file, "its digest takes " + Integer.toUnsignedString(rounds) + " iterations");
        }
        var parsed = new LuksHeader(text(bytes, 8, 32), text(bytes, 40, 32), text(bytes, 72, 32), header.getInt(104),
                keyBytes, Arrays
                        .copyOfRange(bytes, 112, 112 + DIGEST),
                Arrays.copyOfRange(bytes, 132, 132 + SALT), rounds, text(bytes,
                        168, 40),
                List.copyOf(slots));
        if (!parsed.cipherName.equals("aes") || !parsed.cipherMode.equals("xts-plain64")) {
            throw new CapabilityException(
                    "Cannot open " + file.name() + ": aes in the mode xts-plain64 is known here, it has "
                            + parsed.cipherName + " in " + parsed.cipherMode);
        }
        return parsed;
    }

    private static String text(byte[] bytes, int at, int most) {
        int end = at;
        while (end < at + most && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, at, end - at, StandardCharsets.US_ASCII);
    }

    private static FormatException bad(ImageFile file, String what) {
        return new FormatException("The LUKS header of " + file.name() + " is not valid: " + what);
    }

    /**
     * The master key.
     *
     * @param at where the header starts in {@code file}
     * @throws ConfigurationException if the passphrase fits no key slot
     */
    public byte[] unlock(ImageFile file, long at, byte[] passphrase) {
        for (KeySlot slot : keySlots) {
            if (!slot.active()) {
                continue;
            }
            byte[] derived = Derivation.pbkdf2(hashSpec, passphrase, slot.salt(), slot.iterations(), keyBytes);
            byte[] material = new byte[Math.ceilDiv(keyBytes * slot.stripes(), SECTOR) * SECTOR];
            file.read(at + (long) slot.keyMaterialOffset() * SECTOR, MemorySegment.ofArray(material));
            new XtsCipher(derived).apply(false, 0, material, material.length);
            byte[] key = Derivation.merge(hashSpec, material, keyBytes, slot.stripes());
            byte[] digest = Derivation.pbkdf2(hashSpec, key, mkDigestSalt, mkDigestIterations, DIGEST);
            if (MessageDigest.isEqual(digest, mkDigest)) {
                return key;
            }
        }
        throw new ConfigurationException("Invalid password, cannot unlock any keyslot");
    }

    /** Bytes that a header with all its key slots takes. */
    public static long size() {
        return (ALIGNMENT + SLOTS * (long) slotSectors(64)) * SECTOR;
    }

    private static int slotSectors(int keyBytes) {
        return Math.ceilDiv(Math.ceilDiv(keyBytes * STRIPES, SECTOR), ALIGNMENT) * ALIGNMENT;
    }

    /**
     * Writes a header with a fresh 512-bit master key, which {@code passphrase} opens, at {@code at} of {@code file}.
     *
     * @param iterations rounds of the derivation from the passphrase: more take whoever guesses it longer
     */
    public static void create(ImageFile file, long at, byte[] passphrase, int iterations) {
        var random = new SecureRandom();
        int keyBytes = 64;
        String hash = "sha256";
        byte[] key = random(random, keyBytes);
        byte[] digestSalt = random(random, SALT);
        int digestRounds = Math.max(1000, iterations / 8);
        byte[] salt = random(random, SALT);
        byte[] material = random(random, slotSectors(keyBytes) * SECTOR);
        Derivation.split(hash, material, key, STRIPES);
        int used = Math.ceilDiv(keyBytes * STRIPES, SECTOR) * SECTOR;
        new XtsCipher(Derivation.pbkdf2(hash, passphrase, salt, iterations, keyBytes)).apply(true, 0, material, used);
        ByteBuffer header = ByteBuffer.allocate(LENGTH);
        header.put(MAGIC).putShort((short) 1);
        header.put(8, "aes".getBytes(StandardCharsets.US_ASCII));
        header.put(40, "xts-plain64".getBytes(StandardCharsets.US_ASCII));
        header.put(72, hash.getBytes(StandardCharsets.US_ASCII));
        header.putInt(104, (int) (size() / SECTOR)).putInt(108, keyBytes);
        header.put(112, Derivation.pbkdf2(hash, key, digestSalt, digestRounds, DIGEST));
        header.put(132, digestSalt).putInt(164, digestRounds);
        header.put(168, UUID.randomUUID().toString().getBytes(StandardCharsets.US_ASCII));
        for (int i = 0; i < SLOTS; i++) {
            int slot = 208 + i * 48;
            header.putInt(slot, i == 0 ? ENABLED : DISABLED).putInt(slot + 4, i == 0 ? iterations : 0);
            header.put(slot + 8, i == 0 ? salt : new byte[SALT]);
            header.putInt(slot + 40, ALIGNMENT + i * slotSectors(keyBytes)).putInt(slot + 44, STRIPES);
        }
        file.write(at, MemorySegment.ofArray(Arrays.copyOf(header.array(), ALIGNMENT * SECTOR)));
        file.write(at + (long) ALIGNMENT * SECTOR, MemorySegment.ofArray(material));
        Arrays.fill(key, (byte) 0);
    }

    private static byte[] random(SecureRandom random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }
}
