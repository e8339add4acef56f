/**
 * The software CPU as a back end of the SDK. What other modules see of it is the
 * {@link dev.vz.hypervisor.Hypervisor} named {@code "emulator"}; decoder, memory management, execution and devices of the
 * processor are in the packages below and are not exported.
 */
@NullMarked
package dev.vz.emulator;

import org.jspecify.annotations.NullMarked;
