/**
 * What the tests of images share: the real tools as peers, a model of a disk, and files that can lose power. Nothing here
 * is shipped.
 */
@NullMarked
package dev.vz.storage.testing;

import org.jspecify.annotations.NullMarked;
