/**
 * The instructions: for each mnemonic, how a decoded instruction becomes an executable one.
 * {@link dev.vz.emulator.operation.Operations} is the register of them; the families are in the other classes here, named
 * after the chapters of the instruction set. Hot instructions are {@link dev.vz.emulator.operation.Template}s, of which each
 * combination of operation, width and addressing gets a class of its own.
 */
@NullMarked
package dev.vz.emulator.operation;

import org.jspecify.annotations.NullMarked;
