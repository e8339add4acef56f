package dev.vz.kvm;

import dev.vz.bus.AddressRange;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_memory_attributes;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Which guest-physical pages are the guest's own (KVM_SET_MEMORY_ATTRIBUTES).
 *
 * <p>
 * A slot with a {@link KvmGuestMemoryFile} has two backings: the file for pages that are private, this process's memory
 * for those that are shared. All pages start as shared. A guest that touches a page as the other kind leaves as
 * {@link dev.vz.cpu.VcpuExit.MemoryFault}; the program converts the page here, or refuses. Converting discards nothing: a
 * page's content in either backing stays until somebody punches it out.
 *
 * <p>
 * Thread-safe; takes effect before the call returns, also for vCPUs that run.
 */
public final class KvmMemoryAttributes {

    private static final long PAGE = 4096;
    private static final long PRIVATE = KvmHeaders.KVM_MEMORY_ATTRIBUTE_PRIVATE();

    private final FileDescriptor machine;
    private final long supported;

    KvmMemoryAttributes(FileDescriptor machine, long supported) {
        this.machine = machine;
        this.supported = supported;
    }

    /** The attributes that this kernel has for this machine, a mask of the kernel's bits. */
    public long supported() {
        return supported;
    }

    /**
     * Makes the pages of {@code range} the guest's own: the vCPUs see the guest memory file there.
     *
     * @param range guest-physical; start and length are multiples of 4096
     * @throws ConfigurationException      if the range is not made of whole pages below 2<sup>52</sup>
     * @throws CapabilityException         if the kernel has no private pages for this machine
     * @throws dev.vz.error.HostException  if the kernel refuses; the message has the errno
     */
    public void makePrivate(AddressRange range) {
        if ((supported & PRIVATE) == 0) {
            throw new CapabilityException("This KVM has no private pages for " + machine + " (it offers attributes 0x"
                    + Long.toHexString(supported) + ", private is 0x8); make the machine of a protected type");
        }
        set(range, PRIVATE);
    }

    /** Makes the pages of {@code range} shared with this process; as {@link #makePrivate} otherwise. */
    public void makeShared(AddressRange range) {
        set(range, 0);
    }

    private void set(AddressRange range, long attributes) {
        if (range.start() % PAGE != 0 || range.length() % PAGE != 0 || range.last() >>> 52 != 0) {
            throw new ConfigurationException("Pages are 4096 bytes and lie below 2^52; " + range
                    + " cannot be made private or shared");
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_memory_attributes.allocate(arena);
            kvm_memory_attributes.address(s, range.start());
            kvm_memory_attributes.size(s, range.length());
            kvm_memory_attributes.attributes(s, attributes);
            int result;
            do {
                // The kernel may give up half way when a signal is pending; what is done then is done again.
                result = Ioctl.call(machine, KvmHeaders.KVM_SET_MEMORY_ATTRIBUTES(), s);
            } while (result == -Errno.EINTR);
            Errno.check("ioctl KVM_SET_MEMORY_ATTRIBUTES of " + range + " to 0x" + Long.toHexString(attributes),
                    machine, result);
        }
    }
}
