/**
 * The networking commands: {@code vz switch} and {@code vz net}. They turn words into settings of vz-net and wait; what is
 * hard is done there.
 */
@NullMarked
package dev.vz.samples.cli.net;

import org.jspecify.annotations.NullMarked;
