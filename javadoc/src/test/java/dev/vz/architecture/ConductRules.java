package dev.vz.architecture;

import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;

/** How a library behaves in a process that is not its own. */
final class ConductRules {

    private static final Set<String> FOREIGN_LOGGERS = Set.of("java.util.logging", "org.slf4j", "org.apache.logging",
            "org.apache.commons.logging");

    private ConductRules() {}

    /** Who may hook the end of the JVM, because leaving no trace on the host needs it. */
    static final Map<String, String> END_OF_JVM = Map.of(
            "linux.terminal.RawMode", "the person's terminal is put back even if a signal ends the program");

    static List<HouseRule> of(House house) {
        return List.of(
                // jextract writes a tracer that prints; no wrapper calls it.
                HouseRule.forbidding("printing", "libraries do not print, and log through System.Logger only",
                        house::isHandwritten,
                        type -> Stream.concat(
                                LayerRules.accesses(type, ConductRules::prints),
                                type.getDirectDependenciesFromSelf().stream()
                                        .filter(dependency -> FOREIGN_LOGGERS.stream().anyMatch(
                                                dependency.getTargetClass().getPackageName()::startsWith))
                                        .map(dependency -> dependency.getDescription()))),
                HouseRule.forbidding("jvm", "nothing ends the JVM, hooks its end or takes its signals",
                        type -> house.isLibrary(type) && !END_OF_JVM.containsKey(house.shortName(type)),
                        type -> LayerRules.accesses(type, ConductRules::touchesJvm)),
                HouseRule.forbidding("sleeping",
                        "no loop sleeps: it waits for something, on a clock that a test can turn",
                        house::isLibrary,
                        type -> LayerRules.accesses(type,
                                access -> LifetimeRules.calls(access, Thread.class, "sleep"))),
                HouseRule.forbidding("nulls", "every package is @NullMarked and says what lives in it",
                        type -> house.isHandwritten(type) && !type.getSimpleName().equals("package-info")
                                && !type.getSimpleName().equals("module-info"),
                        ConductRules::unmarkedPackage));
    }

    private static boolean prints(JavaAccess<?> access) {
        String name = access.getTarget().getName();
        return access.getTargetOwner().isEquivalentTo(System.class) && Set.of("out", "err").contains(name)
                || access.getTargetOwner().isAssignableTo(Throwable.class) && name.equals("printStackTrace")
                || LifetimeRules.calls(access, Thread.class, "dumpStack") || name.equals("traceDowncall");
    }

    private static boolean touchesJvm(JavaAccess<?> access) {
        return LifetimeRules.calls(access, System.class, "exit")
                || access.getTargetOwner().isEquivalentTo(Runtime.class)
                        && Set.of("exit", "halt", "addShutdownHook").contains(access.getTarget().getName())
                || access.getTargetOwner().getName().equals("sun.misc.Signal");
    }

    private static Stream<String> unmarkedPackage(JavaClass type) {
        return type.getPackage().tryGetAnnotationOfType(NullMarked.class).isPresent()
                ? Stream.empty()
                : Stream.of(type.getName() + " is in a package that is not @NullMarked");
    }
}
