package dev.vz.architecture;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Who may import whom. */
final class LayerRules {

    private static final Set<String> LINKING = Set.of("java.lang.foreign.Linker", "java.lang.foreign.SymbolLookup",
            "sun.misc.Unsafe", "jdk.internal.misc.Unsafe");

    private LayerRules() {}

    static List<HouseRule> of(House house) {
        return List.of(
                HouseRule.forbidding("layers", "imports point down the list of rooms only", house::isLibrary,
                        type -> dependencies(type, target -> !mayImport(house, house.room(type), house.room(target)))),
                HouseRule.forbidding("siblings", "siblings never import each other; they meet in vz-api",
                        type -> House.SIBLINGS.contains(house.room(type)),
                        type -> dependencies(type, target -> House.SIBLINGS.contains(house.room(target))
                                && !house.room(target).equals(house.room(type)))),
                HouseRule.forbidding("backend", "vz-machine imports no back end",
                        type -> house.room(type).equals("machine"),
                        type -> dependencies(type, target -> House.BACK_ENDS.contains(house.room(target)))),
                HouseRule.forbidding("libraries", "vz-api and the rooms that need none use no library but JSpecify",
                        type -> House.WITHOUT_LIBRARIES.contains(house.room(type)),
                        type -> dependencies(type, target -> !target.getPackageName().startsWith(house.root() + ".")
                                && !isPlatform(target) && !target.getPackageName().startsWith("org.jspecify"))),
                HouseRule.forbidding("bindings", "generated bindings are touched by their own module only, and show in "
                        + "no exported signature",
                        house::isLibrary,
                        type -> Stream.concat(
                                dependencies(type, target -> House.isGenerated(target)
                                        && !house.room(target).equals(house.room(type))),
                                signaturesWithBindings(type))),
                HouseRule.forbidding("downcalls", "only vz-linux and vz-kvm reach native code",
                        type -> house.isLibrary(type) && !House.NATIVE.contains(house.room(type)),
                        type -> Stream.concat(
                                dependencies(type, target -> LINKING.contains(target.getName())),
                                type.getMethods().stream()
                                        .filter(method -> method.getModifiers().contains(JavaModifier.NATIVE))
                                        .map(method -> method.getFullName() + " is native"))));
    }

    private static boolean mayImport(House house, String from, String to) {
        return to.isEmpty() || to.equals(from) || House.IMPORTS.get(from).contains(to);
    }

    private static boolean isPlatform(JavaClass type) {
        JavaClass element = type.getBaseComponentType();
        return element.isPrimitive() || element.getPackageName().startsWith("java.")
                || element.getPackageName().startsWith("jdk.") && !element.getPackageName().startsWith("jdk.internal");
    }

    private static Stream<String> signaturesWithBindings(JavaClass type) {
        if (House.isGenerated(type) || !type.getModifiers().contains(JavaModifier.PUBLIC)) {
            return Stream.empty();
        }
        Predicate<JavaMethod> exported = method -> method.getModifiers().contains(JavaModifier.PUBLIC)
                || method.getModifiers().contains(JavaModifier.PROTECTED);
        return type.getMethods().stream()
                .filter(exported)
                .filter(method -> Stream.concat(Stream.of(method.getRawReturnType()),
                        method.getRawParameterTypes().stream()).anyMatch(House::isGenerated))
                .map(method -> method.getFullName() + " shows a generated type");
    }

    private static Stream<String> dependencies(JavaClass type, Predicate<JavaClass> forbidden) {
        return type.getDirectDependenciesFromSelf().stream()
                .filter(dependency -> forbidden.test(dependency.getTargetClass().getBaseComponentType()))
                .map(Dependency::getDescription);
    }

    /** Calls and field accesses out of {@code type} that {@code forbidden} chooses. */
    static Stream<String> accesses(JavaClass type, Predicate<JavaAccess<?>> forbidden) {
        return type.getAccessesFromSelf().stream().filter(forbidden).map(JavaAccess::getDescription);
    }
}
