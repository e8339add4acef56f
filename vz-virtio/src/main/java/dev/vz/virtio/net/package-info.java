/**
 * The network card (virtio 1.3, 5.1) over a {@link dev.vz.link.LinkPort}: several pairs of queues, a control queue, receive
 * filters, offloads and mergeable receive buffers. {@link dev.vz.virtio.net.NetworkCard} is the device; frames pass it
 * where they lie, and are copied once, into the receiver's memory. Nothing here looks further into a frame than filters
 * and the choice of a queue need.
 */
@NullMarked
package dev.vz.virtio.net;

import org.jspecify.annotations.NullMarked;
