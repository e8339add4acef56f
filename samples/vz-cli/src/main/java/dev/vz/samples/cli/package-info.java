/**
 * The {@code vz} command line: its commands, their options, and how errors become a line and an exit status. What the
 * commands do lives in the packages below and in the modules. Nothing here is meant to be called by other programs.
 */
@NullMarked
package dev.vz.samples.cli;

import org.jspecify.annotations.NullMarked;
