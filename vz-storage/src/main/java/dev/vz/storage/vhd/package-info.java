/**
 * Virtual PC's and Hyper-V's older disk images, by Microsoft's "Virtual Hard Disk Image Format Specification" 1.0.
 * {@link dev.vz.storage.vhd.VhdDriver} reads and writes fixed, dynamic and differencing images, {@link
 * dev.vz.storage.vhd.VhdFormat} makes them. A differencing image's parent is opened through the gate, by the first of its
 * locators that can be a path of this host, and must have the identifier that the image states.
 */
@NullMarked
package dev.vz.storage.vhd;

import org.jspecify.annotations.NullMarked;
