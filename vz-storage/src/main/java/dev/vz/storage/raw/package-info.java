/**
 * Images that are nothing but the disk's bytes. {@link dev.vz.storage.raw.RawDriver} maps every offset to itself and holes
 * of the file to zeros. There is no header to look at, so nothing that a guest writes can change what the file is.
 */
@NullMarked
package dev.vz.storage.raw;

import org.jspecify.annotations.NullMarked;
