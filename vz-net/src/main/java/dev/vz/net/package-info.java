/**
 * Words that all networking here shares: addresses and prefixes. They are values, safe anywhere, and meant for
 * configuration and control; the data path carries addresses as plain integers. What moves frames lives in the packages
 * below.
 */
@NullMarked
package dev.vz.net;

import org.jspecify.annotations.NullMarked;
