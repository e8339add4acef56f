package dev.vz.architecture;

import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Whoever creates closes; and what a virtual machine holds is the virtual machine's alone. */
final class LifetimeRules {

    /**
     * The classes that may open a shared arena, and why once is enough: opening and closing one costs tens of
     * microseconds and deoptimizes every thread.
     */
    static final Map<String, String> SHARED_ARENAS = Map.of(
            "block.MemoryBlockDevice", "one per disk that lives in memory",
            "linux.memory.MappedMemory", "one per mapping of the host's, as long-lived as what it maps",
            "memory.JavaMemoryAllocator", "one per block of guest memory, closed after the machine",
            "net.gateway.Gateway", "one per gateway, for as long as it works",
            "storage.job.DiskBackup", "one per backup, which takes minutes, for engines of several threads");

    /** The static fields that may change, because what they hold is true of the whole JVM. */
    static final Map<String, String> PROCESS_WIDE = Map.of(
            "linux.NativeAccess.granted", "whether the JVM lets the module call native functions, once asked");

    private LifetimeRules() {}

    static List<HouseRule> of(House house) {
        return List.of(
                HouseRule.forbidding("arenas", "only owners of long lifetimes open a shared arena, never a request",
                        type -> house.isLibrary(type) && !SHARED_ARENAS.containsKey(house.shortName(type)),
                        type -> LayerRules.accesses(type, access -> calls(access, Arena.class, "ofShared"))),
                HouseRule.forbidding("owners", "whoever keeps an arena can be closed",
                        type -> house.isHandwritten(type) && !type.isAssignableTo(AutoCloseable.class),
                        type -> type.getFields().stream()
                                .filter(field -> field.getRawType().isAssignableTo(Arena.class)
                                        && !field.getModifiers().contains(JavaModifier.STATIC))
                                .map(field -> field.getFullName() + " is an arena in a class that nobody can close")),
                HouseRule.forbidding("closing", "everything with a close() is AutoCloseable and closes without checked "
                        + "exceptions",
                        house::isHandwritten, LifetimeRules::closingComplaints),
                HouseRule.forbidding("globals", "no state is shared between virtual machines: static fields are final",
                        house::isHandwritten,
                        type -> type.getFields().stream()
                                .filter(field -> field.getModifiers().contains(JavaModifier.STATIC)
                                        && !field.getModifiers().contains(JavaModifier.FINAL)
                                        && !field.getModifiers().contains(JavaModifier.SYNTHETIC)
                                        && !PROCESS_WIDE.containsKey(house.shortName(type) + "." + field.getName()))
                                .map(field -> field.getFullName() + " is static and not final")),
                HouseRule.forbidding("states", "described, built and running are different types: start() returns a "
                        + "handle of another type",
                        type -> house.isHandwritten(type) && type.getModifiers().contains(JavaModifier.PUBLIC),
                        type -> type.getMethods().stream()
                                .filter(method -> method.getName().equals("start")
                                        && method.getModifiers().contains(JavaModifier.PUBLIC))
                                .filter(method -> method.getRawReturnType().getName().equals("void")
                                        || method.getRawReturnType().equals(type))
                                .map(method -> method.getFullName() + " returns "
                                        + method.getRawReturnType().getSimpleName())));
    }

    private static Stream<String> closingComplaints(JavaClass type) {
        return type.getMethods().stream()
                .filter(method -> method.getName().equals("close") && method.getRawParameterTypes().isEmpty()
                        && method.getRawReturnType().isEquivalentTo(void.class)
                        && !method.getModifiers().contains(JavaModifier.STATIC)
                        && !method.getModifiers().contains(JavaModifier.PRIVATE))
                .filter(method -> !type.isAssignableTo(AutoCloseable.class) || method.getThrowsClause().size() > 0)
                .map(method -> method.getFullName() + (type.isAssignableTo(AutoCloseable.class)
                        ? " declares a checked exception"
                        : " is in a class that is not AutoCloseable"));
    }

    /** Whether {@code access} calls a method of this name on this type. */
    static boolean calls(JavaAccess<?> access, Class<?> owner, String name) {
        return access.getTargetOwner().isEquivalentTo(owner) && access.getTarget().getName().equals(name);
    }
}
