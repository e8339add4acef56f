/**
 * The driver's side of virtqueues, for tests: rings laid out in guest memory, requests built descriptor by descriptor, and
 * every rule that a hostile driver can break. Kept apart from the device's code, so that the two check each other.
 */
@NullMarked
package dev.vz.virtio.driver;

import org.jspecify.annotations.NullMarked;
