/**
 * Running a virtual CPU and answering its exits. {@link dev.vz.cpu.VcpuExit} is for people (sealed records with the
 * whole payload), {@link dev.vz.cpu.VcpuExitHandler} for hot loops (primitives, no allocation). The registers of a
 * concrete architecture live in a package below this one.
 */
@NullMarked
package dev.vz.cpu;

import org.jspecify.annotations.NullMarked;
