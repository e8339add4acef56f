/**
 * What formats have in common that map a disk by one table of equal blocks. {@link dev.vz.storage.block.BlockTableDriver}
 * allocates at the end of the file and writes data, then the table; a format says how its header and entries look. Only
 * formats extend it.
 */
@NullMarked
package dev.vz.storage.block;

import org.jspecify.annotations.NullMarked;
