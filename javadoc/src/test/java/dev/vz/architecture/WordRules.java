package dev.vz.architecture;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaParameterizedType;
import com.tngtech.archunit.core.domain.JavaType;
import dev.vz.error.VzException;
import dev.vz.state.StateVersion;
import dev.vz.state.Stateful;
import java.lang.reflect.Executable;
import java.lang.reflect.Parameter;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The rules for the words that all modules speak. */
final class WordRules {

    private static final Pattern GUEST_ADDRESS = Pattern.compile("gpa|gva|guestAddress|.*(GuestAddress|Gpa|Gva)");

    private WordRules() {}

    /** Throwables that several packages of one module share and that never leave it. */
    static final Map<String, String> WAYS_INSIDE = Map.of(
            "emulator.fault.Fault", "an exception of the guest's processor, on its way to the guest's own handler");

    static List<HouseRule> of(House house) {
        return List.of(
                HouseRule.forbidding("exits", "an exit is a record with its whole payload",
                        type -> house.isLibrary(type) && implementsNamed(type, "VcpuExit"),
                        type -> type.isRecord() || type.isInterface()
                                ? Stream.empty()
                                : Stream.of(type.getName() + " is an exit but no record")),
                HouseRule.forbidding("handler", "the exit handler gets primitives, or bytes where they lie: nothing is "
                        + "allocated for it",
                        type -> house.isLibrary(type) && type.getSimpleName().equals("VcpuExitHandler"),
                        type -> type.getMethods().stream()
                                .filter(method -> !method.getName().equals("exit"))
                                .filter(method -> !WordRules.takesPrimitives(method))
                                .map(method -> method.getFullName() + " takes or returns objects")),
                HouseRule.forbidding("addresses", "guest addresses are long",
                        house::isHandwritten, WordRules::narrowAddresses),
                HouseRule.forbidding("snapshots", "a device's saved state is a record with a version",
                        house::isLibrary, WordRules::statesWithoutVersion),
                HouseRule.forbidding("errors", "every exception that others can name belongs to the VzException family",
                        // One that is not public is its own package's way to leave a loop, and stays inside.
                        type -> house.isLibrary(type) && type.isAssignableTo(Throwable.class)
                                && type.getModifiers().contains(JavaModifier.PUBLIC)
                                && !WAYS_INSIDE.containsKey(house.shortName(type)),
                        type -> type.isAssignableTo(VzException.class)
                                ? Stream.empty()
                                : Stream.of(type.getName() + " does not extend VzException")),
                HouseRule.forbidding("unsupported",
                        "no method throws \"unsupported\", and none a bare RuntimeException: "
                                + "what only some can do is an interface of its own",
                        house::isHandwritten,
                        type -> type.getConstructorCallsFromSelf().stream()
                                .filter(call -> isBare(call.getTargetOwner()))
                                // A super(...) call in the family's own root is not a throw.
                                .filter(call -> !type.isAssignableTo(Throwable.class))
                                .map(call -> call.getDescription())));
    }

    private static boolean implementsNamed(JavaClass type, String simpleName) {
        return type.getAllRawInterfaces().stream().anyMatch(each -> each.getSimpleName().equals(simpleName));
    }

    private static boolean isBare(JavaClass thrown) {
        return thrown.isEquivalentTo(UnsupportedOperationException.class)
                || thrown.isEquivalentTo(RuntimeException.class)
                || thrown.isEquivalentTo(Exception.class) || thrown.isEquivalentTo(Error.class);
    }

    private static boolean takesPrimitives(JavaMethod method) {
        return Stream.concat(Stream.of(method.getRawReturnType()), method.getRawParameterTypes().stream())
                .allMatch(type -> type.isPrimitive() || type.getName().equals("java.lang.foreign.MemorySegment"));
    }

    private static Stream<String> narrowAddresses(JavaClass type) {
        Class<?> loaded = type.reflect();
        return Stream.concat(Arrays.stream(loaded.getDeclaredMethods()),
                Arrays.stream(loaded.getDeclaredConstructors()))
                .map(Executable.class::cast)
                .filter(executable -> !executable.isSynthetic())
                .flatMap(executable -> Arrays.stream(executable.getParameters()))
                .filter(parameter -> GUEST_ADDRESS.matcher(parameter.getName()).matches())
                .filter(parameter -> isNumber(parameter.getType()) && parameter.getType() != long.class)
                .map(WordRules::describe);
    }

    private static boolean isNumber(Class<?> type) {
        return type.isPrimitive() || Number.class.isAssignableFrom(type);
    }

    private static String describe(Parameter parameter) {
        return parameter.getDeclaringExecutable() + ": " + parameter.getName() + " is not a long";
    }

    private static Stream<String> statesWithoutVersion(JavaClass type) {
        return type.getInterfaces().stream()
                .filter(implemented -> implemented.toErasure().isEquivalentTo(Stateful.class))
                .filter(JavaParameterizedType.class::isInstance)
                .flatMap(implemented -> ((JavaParameterizedType) implemented).getActualTypeArguments().stream())
                .map(JavaType::toErasure)
                .filter(state -> !state.getModifiers().contains(JavaModifier.ABSTRACT))
                .filter(state -> !state.isRecord() || !state.isAnnotatedWith(StateVersion.class))
                .map(state -> type.getName() + " saves " + state.getName() + ", which is no record with a version");
    }
}
