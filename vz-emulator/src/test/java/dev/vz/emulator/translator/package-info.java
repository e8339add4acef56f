/**
 * Shows that translated code does what the interpreter does: the same guests on both, compared at every step that they
 * make visible. {@link dev.vz.emulator.translator.RandomProgram} writes the guests; seeds are printed and can be given.
 */
@NullMarked
package dev.vz.emulator.translator;

import org.jspecify.annotations.NullMarked;
