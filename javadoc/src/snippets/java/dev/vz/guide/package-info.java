/**
 * The code that the documentation shows. It is compiled with the tests and run by them, so what a reader copies works.
 * Nothing depends on it.
 */
@NullMarked
package dev.vz.guide;

import org.jspecify.annotations.NullMarked;
