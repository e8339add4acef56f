/**
 * Helpers that the tests of every module share: what a test needs of the host, and how to run a real peer. Shipped in the
 * tests jar of vz-api.
 */
@NullMarked
package dev.vz.testing;

import org.jspecify.annotations.NullMarked;
