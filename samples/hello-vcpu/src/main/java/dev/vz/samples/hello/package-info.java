/**
 * The smallest program that runs a guest: memory, one virtual CPU, a few instructions. Start reading here. Which back end
 * runs it is decided by what is on the module path.
 */
@NullMarked
package dev.vz.samples.hello;

import org.jspecify.annotations.NullMarked;
