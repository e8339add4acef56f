/**
 * Virtual PC's and Hyper-V's older disk images, by Microsoft's "Virtual Hard Disk Image Format Specification" 1.0.
 * {@link dev.vz.storage.vhd.VhdDriver} reads and writes fixed and dynamic images, {@link dev.vz.storage.vhd.VhdFormat} makes
 * them. Differencing images are refused, since their parent locators are not read here.
 */
@NullMarked
package dev.vz.storage.vhd;

import org.jspecify.annotations.NullMarked;
