/**
 * Brings what a guest draws without a device of its own to whoever shows it. A machine's linear framebuffer becomes calls of
 * a {@link dev.vz.display.Screen}; who calls, and how often, is the owner's choice. Graphics cards do this themselves, see
 * {@code dev.vz.virtio.gpu}.
 */
@NullMarked
package dev.vz.machine.display;

import org.jspecify.annotations.NullMarked;
