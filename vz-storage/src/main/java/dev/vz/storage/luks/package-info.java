/**
 * Encryption of disk images by "LUKS On-Disk Format Specification" 1.2.3, version 1, with AES in XTS mode. {@link
 * dev.vz.storage.luks.LuksHeader} holds the key slots, {@link dev.vz.storage.luks.EncryptedFile} shows an encrypted part of a
 * file in the clear. Passphrases come from a {@link dev.vz.storage.luks.KeySource} that the caller gives.
 */
@NullMarked
package dev.vz.storage.luks;

import org.jspecify.annotations.NullMarked;
