package dev.vz.samples.cli.guest;

import dev.vz.samples.cli.device.GuestDevices;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a person asks of one run of a guest.
 *
 * @param backend a back end's name, or {@value #AUTOMATIC}
 * @param kernel  the kernel's file; {@code null} for that of the Debian guest kit
 * @param initrd  an initial root file system; {@code null} for the kit's if the kernel is the kit's, else none
 * @param append  put behind the kernel's command line; may be empty
 * @param memory  bytes of guest memory
 * @param cpus    number of virtual processors, 1 or more
 * @param exec    what the guest's shell runs; {@code null} for an interactive guest
 * @param timeout after which the guest is ended; {@code null} for never
 * @param verbose whether the kernel's messages and every step are shown
 * @param devices what is plugged into it
 */
public record GuestOptions(String backend, @Nullable Path kernel, @Nullable Path initrd, String append, long memory,
        int cpus, @Nullable String exec, @Nullable Duration timeout, boolean verbose, GuestDevices devices) {

    /** The back end's name that lets vz choose. */
    public static final String AUTOMATIC = "auto";
}
