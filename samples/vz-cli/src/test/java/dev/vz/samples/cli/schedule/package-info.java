/** Machines of both back ends that share fewer host threads than they have processors. */
@NullMarked
package dev.vz.samples.cli.schedule;

import org.jspecify.annotations.NullMarked;
