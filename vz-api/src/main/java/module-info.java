import org.jspecify.annotations.NullMarked;

/** The words every Vz module speaks. */
@NullMarked
module dev.vz.api {
    requires static transitive org.jspecify;
}
