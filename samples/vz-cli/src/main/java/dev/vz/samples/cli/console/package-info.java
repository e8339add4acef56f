/**
 * The terminal that {@code vz} runs on: raw mode that is always restored, the escape key by which a person leaves a
 * guest, and output that does not hold a virtual CPU up byte by byte. Nothing here knows what a guest is.
 */
@NullMarked
package dev.vz.samples.cli.console;

import org.jspecify.annotations.NullMarked;
