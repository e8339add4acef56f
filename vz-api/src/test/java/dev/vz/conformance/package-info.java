/**
 * The conformance kit for back ends: small guests in machine code and what every {@link dev.vz.hypervisor.Hypervisor} must
 * make of them. A back end extends {@link dev.vz.conformance.HypervisorConformance} by one method and runs it all;
 * {@link dev.vz.conformance.Guest} and {@link dev.vz.conformance.Assembler} are there for guests of one's own. Shipped in
 * the tests jar of vz-api, so that KVM, the software CPU and back ends written elsewhere pass the same kit.
 */
@NullMarked
package dev.vz.conformance;

import org.jspecify.annotations.NullMarked;
