/**
 * How a virtual CPU reaches memory: guest-physical pages to host addresses, the guest's page tables, the software TLB that
 * shadows them, and the record of which pages hold decoded code. Addresses are {@code long}s; a name says which kind it
 * is: linear, guest-physical or host.
 */
@NullMarked
package dev.vz.emulator.memory;

import org.jspecify.annotations.NullMarked;
