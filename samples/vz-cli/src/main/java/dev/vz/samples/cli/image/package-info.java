/**
 * {@code vz image}: makes, describes, converts and repairs disk images, with the options, the output and the exit statuses
 * of qemu-img, whose place it takes in scripts. {@link dev.vz.samples.cli.image.ImageCommand} is the way in and knows the
 * commands, one class each. What formats can be made and with which options is in {@link dev.vz.samples.cli.image.CreateOptions}.
 */
@NullMarked
package dev.vz.samples.cli.image;

import org.jspecify.annotations.NullMarked;
