/**
 * Files and block devices: positional and vectored I/O over memory segments, space, status, locks.
 *
 * <p>
 * Everything takes a {@link dev.vz.linux.FileDescriptor} and keeps no state of its own. Methods that return a count return
 * the error number negated on failure, and allocate nothing; methods whose name says {@code Fully}, and all that return
 * nothing, throw {@link dev.vz.error.HostException}.
 */
@NullMarked
package dev.vz.linux.file;

import org.jspecify.annotations.NullMarked;
