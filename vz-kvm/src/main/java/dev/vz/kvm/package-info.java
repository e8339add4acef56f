/**
 * Virtual machines on KVM. {@link dev.vz.kvm.KvmHypervisor} implements the house's {@link dev.vz.hypervisor.Hypervisor}
 * and most programs need no more than that; {@link dev.vz.kvm.KvmSystem}, {@link dev.vz.kvm.KvmVirtualMachine} and
 * {@link dev.vz.kvm.KvmVcpu} show everything else that KVM has to those who write a monitor for it. What a kernel may
 * lack is an {@link java.util.Optional} feature object, never a method that fails.
 */
@NullMarked
package dev.vz.kvm;

import org.jspecify.annotations.NullMarked;
