/**
 * Devices that a person plugs into a guest on the command line. Each kind has a record that says what was asked for, read
 * from {@code KEY=VALUE,…}; {@link dev.vz.samples.cli.device.GuestDevices} makes them and attaches them to the machine, and
 * names the kernel modules that drive them. Nothing here is for integrators, who use {@code dev.vz.machine.virtio}.
 */
@NullMarked
package dev.vz.samples.cli.device;

import org.jspecify.annotations.NullMarked;
