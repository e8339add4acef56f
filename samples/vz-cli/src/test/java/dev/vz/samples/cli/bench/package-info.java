/** Tests of {@code vz bench} with the peers that are there. Short runs: what they measure is not looked at. Internal. */
@NullMarked
package dev.vz.samples.cli.bench;

import org.jspecify.annotations.NullMarked;
