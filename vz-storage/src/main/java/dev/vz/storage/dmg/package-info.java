/**
 * Apple's disk images (UDIF), which are read: uncompressed, with zlib or with bzip2. {@link dev.vz.storage.dmg.DmgDriver}
 * maps them by the block tables that {@link dev.vz.storage.dmg.BlockTables} finds through the trailer. The format has no
 * public specification; what is known of it is what open tools read.
 */
@NullMarked
package dev.vz.storage.dmg;

import org.jspecify.annotations.NullMarked;
