/**
 * The x86-64 processor as software sees it: registers, descriptor tables, MSRs, CPUID, XSAVE image, local APIC and
 * pending events. Everything here is a value, independent of the back end, so that a state read on one back end can be
 * written on another. {@link dev.vz.cpu.x86.X86Vcpu} is the virtual CPU that reads and writes them.
 */
@NullMarked
package dev.vz.cpu.x86;

import org.jspecify.annotations.NullMarked;
