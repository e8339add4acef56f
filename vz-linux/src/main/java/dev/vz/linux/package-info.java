/**
 * What every other package here stands on: descriptors, error numbers, ioctl, and the check for native access.
 *
 * <p>
 * Calls come in two forms. The raw form returns the result, or the error number negated, and allocates nothing; the
 * checked form throws {@link dev.vz.error.HostException} naming the operation, the descriptor and the error.
 */
@NullMarked
package dev.vz.linux;

import org.jspecify.annotations.NullMarked;
