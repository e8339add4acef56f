/**
 * The terminal that a console is shown on: raw mode that can be undone from anywhere, and the window's size.
 *
 * <p>
 * {@link dev.vz.linux.terminal.Terminal} works on any descriptor of a terminal, standard input among them.
 */
@NullMarked
package dev.vz.linux.terminal;

import org.jspecify.annotations.NullMarked;
