/**
 * Opening a back end and creating virtual machines. {@link dev.vz.hypervisor.Hypervisors} finds the back ends that are on
 * the module path and says why one cannot be used; {@link dev.vz.hypervisor.VirtualMachine} is what a back end builds.
 * What only some back ends can do is an interface of its own here, found with {@code instanceof}.
 */
@NullMarked
package dev.vz.hypervisor;

import org.jspecify.annotations.NullMarked;
