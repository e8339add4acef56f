/**
 * Machine code that nobody trusts, run in ring 3 of a virtual CPU at the host processor's speed.
 * {@link dev.vz.samples.sandbox.Sandbox} is the sandbox, {@link dev.vz.samples.sandbox.SandboxMemory} what the code can
 * reach, {@link dev.vz.samples.sandbox.SandboxSpeed} the program that measures it against the same code run natively. No
 * operating system is inside, and no device.
 */
@NullMarked
package dev.vz.samples.sandbox;

import org.jspecify.annotations.NullMarked;
