/**
 * Compressed loopback images, as the Linux cloop driver's version 2 makes them, which are read. {@link
 * dev.vz.storage.cloop.CloopDriver} maps them by their table of compressed blocks.
 */
@NullMarked
package dev.vz.storage.cloop;

import org.jspecify.annotations.NullMarked;
