/**
 * {@code vz vhost-user}: devices served on a socket to other virtual machine monitors. Each subcommand opens what is behind
 * its device and hands it to {@link dev.vz.virtio.vhost.VhostUserServer}; the options are those that all of them have.
 */
@NullMarked
package dev.vz.samples.cli.vhost;

import org.jspecify.annotations.NullMarked;
