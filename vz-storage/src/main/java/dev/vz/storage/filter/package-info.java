/**
 * Block devices over block devices: caches, schedulers, limits, views, encryption, faults, measurements. Each takes a
 * {@link dev.vz.block.BlockDevice} and is one, so they stack in any order; closing the uppermost closes all. What waits
 * or measures time does so on a {@link dev.vz.storage.filter.FilterClock}, which a test drives by hand.
 */
@NullMarked
package dev.vz.storage.filter;

import org.jspecify.annotations.NullMarked;
