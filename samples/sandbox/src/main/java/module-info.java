import org.jspecify.annotations.NullMarked;

/** The cheapest sandbox: machine code in ring 3 of a virtual CPU, with nothing but its own memory. */
@NullMarked
module dev.vz.samples.sandbox {
    requires static org.jspecify;
    requires dev.vz.api;
    requires dev.vz.kvm; // the back end that Hypervisors finds
}
