package dev.vz.architecture;

import com.tngtech.archunit.core.domain.JavaClass;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which rooms there are, and who may import whom.
 *
 * @param root the package under which the modules' packages lie
 */
record House(String root) {

    /** The room of every package that is not another room's: vz-api's packages are the nouns themselves. */
    static final String API = "api";

    /** What each room may import beside itself. The order is that of the house: imports point to earlier lines only. */
    static final Map<String, Set<String>> IMPORTS = Map.of(
            API, Set.of(),
            "linux", Set.of(API),
            "kvm", Set.of(API, "linux"),
            "emulator", Set.of(API),
            "virtio", Set.of(API, "linux"),
            "storage", Set.of(API, "linux"),
            "net", Set.of(API, "linux"),
            "machine", Set.of(API, "virtio"));

    static final Set<String> SIBLINGS = Set.of("kvm", "emulator", "virtio", "storage", "net");

    static final Set<String> BACK_ENDS = Set.of("kvm", "emulator");

    /** Rooms that use nothing but the JDK and JSpecify. */
    static final Set<String> WITHOUT_LIBRARIES = Set.of(API, "linux", "kvm", "emulator", "virtio");

    /** Rooms that may make downcalls. */
    static final Set<String> NATIVE = Set.of("linux", "kvm");

    private static final List<String> OUTSIDE = List.of("samples", "guide", "architecture", "conformance", "testing");

    /** The room that {@code type} lives in; the empty string for samples, tests and everything that is not ours. */
    String room(JavaClass type) {
        return room(type.getPackageName());
    }

    String room(String packageName) {
        if (!packageName.startsWith(root + ".")) {
            return "";
        }
        String rest = packageName.substring(root.length() + 1);
        String first = rest.contains(".") ? rest.substring(0, rest.indexOf('.')) : rest;
        if (OUTSIDE.contains(first)) {
            return "";
        }
        return IMPORTS.containsKey(first) ? first : API;
    }

    /** Whether {@code type} is part of a library that integrators use. */
    boolean isLibrary(JavaClass type) {
        return !room(type).isEmpty();
    }

    /** The same without what jextract wrote. */
    boolean isHandwritten(JavaClass type) {
        return isLibrary(type) && !isGenerated(type);
    }

    static boolean isGenerated(JavaClass type) {
        return (type.getPackageName() + ".").contains(".generated.");
    }

    /** Its name below the root, nested classes cut off: {@code memory.GuestMemory}. */
    String shortName(JavaClass type) {
        String name = type.getName().substring(root.length() + 1);
        return name.contains("$") ? name.substring(0, name.indexOf('$')) : name;
    }
}
