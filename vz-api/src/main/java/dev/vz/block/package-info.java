/**
 * The seam between disk images and the devices that show them to a guest. A {@link dev.vz.block.BlockDevice} takes
 * pooled {@link dev.vz.block.BlockRequest}s and completes them by callback; blocking calls for tools and tests stand on
 * top. What only some devices can do (resize, snapshot) is an interface of its own.
 */
@NullMarked
package dev.vz.block;

import org.jspecify.annotations.NullMarked;
