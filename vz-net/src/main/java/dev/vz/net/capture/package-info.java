/**
 * Frames on record: files in the pcapng format that Wireshark and tcpdump read, written from any link and played back
 * into one. Format: draft-ietf-opsawg-pcapng; times are nanoseconds since 1970. Reading trusts nothing in a file: lengths are
 * checked against the file and against caps before anything is allocated.
 */
@NullMarked
package dev.vz.net.capture;

import org.jspecify.annotations.NullMarked;
