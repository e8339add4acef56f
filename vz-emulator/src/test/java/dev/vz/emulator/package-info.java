/**
 * The software CPU as a whole, tested through its interface and through one bare processor,
 * {@link dev.vz.emulator.TestProcessor}. Only tests live here.
 */
@NullMarked
package dev.vz.emulator;

import org.jspecify.annotations.NullMarked;
