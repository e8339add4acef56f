/**
 * What {@code vz image} and {@code vz io} share: the option grammar, sizes, JSON and error texts of the tools whose command
 * lines they take over, and how a file name, a {@code json:} name or a list of options becomes an open disk image. Nothing
 * here knows a particular command. Images are opened through {@link dev.vz.samples.cli.disk.ImageStore} alone.
 */
@NullMarked
package dev.vz.samples.cli.disk;

import org.jspecify.annotations.NullMarked;
