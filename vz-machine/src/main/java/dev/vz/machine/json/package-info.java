/**
 * Machine descriptions as JSON documents. {@link dev.vz.machine.json.MachineDescriptionJson} reads and writes them; a field
 * that it does not know, or a value that cannot be, is refused with its place in the document. Bytes in memory
 * ({@link dev.vz.machine.boot.BootFile#of(String, byte[])}) have no form here: a document names files.
 */
@NullMarked
package dev.vz.machine.json;

import org.jspecify.annotations.NullMarked;
