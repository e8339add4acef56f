import org.jspecify.annotations.NullMarked;

/** The smallest program that runs a guest. */
@NullMarked
module dev.vz.samples.hello {
    requires static org.jspecify;
    requires dev.vz.api;
    requires dev.vz.kvm; // the back end that Hypervisors finds
}
