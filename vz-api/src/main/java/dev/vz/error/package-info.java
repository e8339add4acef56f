/**
 * What can go wrong, as types. Every exception that Vz raises on purpose is a {@link dev.vz.error.VzException}: unchecked,
 * in one sealed family, one branch for each kind of cause (the host, the configuration, a file, the guest, a missing
 * capability, a lifetime). A module may extend a branch; nobody adds a branch without changing this package.
 */
@NullMarked
package dev.vz.error;

import org.jspecify.annotations.NullMarked;
