/**
 * From files to a machine that is about to execute its first instruction. {@link dev.vz.machine.boot.KernelImage} tells
 * kernels apart by their content, {@link dev.vz.machine.boot.BootLoader} puts kernel, initial RAM disk, command line,
 * firmware tables and page tables into guest memory and says with which registers the first processor starts. Files come
 * from strangers: every field is checked against the file and the memory before it is used.
 */
@NullMarked
package dev.vz.machine.boot;

import org.jspecify.annotations.NullMarked;
