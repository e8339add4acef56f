/** Says it. */
@NullMarked
package dev.vz.architecture.broken.nulls.bus;

import org.jspecify.annotations.NullMarked;
