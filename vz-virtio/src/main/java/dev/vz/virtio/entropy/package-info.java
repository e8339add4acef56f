/**
 * The entropy device (virtio 1.3, 5.4): one queue of buffers that the device fills with random bytes. It has no features
 * and no configuration. {@link dev.vz.virtio.entropy.EntropyDevice} is all there is to use.
 */
@NullMarked
package dev.vz.virtio.entropy;

import org.jspecify.annotations.NullMarked;
