/**
 * Networks as people define them: libvirt's network XML (libvirt.org/formatnetwork.html), read and written. A definition is
 * an immutable value that says what a network is to be; running it is another package's business. What a file says and these
 * records cannot hold is an error that names it, never dropped in silence.
 */
@NullMarked
package dev.vz.net.definition;

import org.jspecify.annotations.NullMarked;
