package dev.vz.kvm;

/** The kinds of machine that KVM_CREATE_VM makes; {@link KvmSystem#machineTypes} says which of them this kernel has. */
public enum KvmMachineType {
    /** A plain machine: its whole memory is shared with this process. */
    DEFAULT(0),
    /**
     * One whose pages can be the guest's own, in software only: for trying out private memory on hosts without SEV-SNP or
     * TDX (KVM_X86_SW_PROTECTED_VM). The kernel calls it a development aid; it protects nothing.
     */
    SOFTWARE_PROTECTED(1);

    private final int number;

    KvmMachineType(int number) {
        this.number = number;
    }

    /** The kernel's number: the argument of KVM_CREATE_VM, and the bit in what KVM_CAP_VM_TYPES answers. */
    public int number() {
        return number;
    }
}
