package dev.vz.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.foreign.Arena;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The modules keep the rules of the house. */
class HouseTest {

    /** Tests, this module's own and the fixtures of vz-api, may do what a library may not. */
    private static final ImportOption PRODUCTION = location -> !location
            .matches(Pattern.compile(".*(-tests\\.jar|/test-classes/).*"));

    private static final JavaClasses MODULES = new ClassFileImporter().withImportOption(PRODUCTION)
            .importPackages("dev.vz");

    @TestFactory
    Stream<DynamicTest> theModulesKeepTheRule() {
        return HouseRule.all("dev.vz").stream()
                .map(rule -> DynamicTest.dynamicTest(rule.toString(), () -> rule.rule().check(MODULES)));
    }

    @Test
    void everyModuleIsLookedAt() {
        House house = new House("dev.vz");
        assertThat(MODULES.stream().map(house::room).distinct())
                .contains(SourceTree.libraries().stream().map(ModuleFolder::room).toArray(String[]::new));
    }

    @Test
    void everyExceptionThatIsAllowedIsStillNeeded() {
        House house = new House("dev.vz");
        assertThat(MODULES.stream().filter(house::isLibrary)
                .filter(type -> LayerRules.accesses(type,
                        access -> LifetimeRules.calls(access, Arena.class, "ofShared")).findAny().isPresent())
                .map(house::shortName).distinct())
                .containsExactlyInAnyOrderElementsOf(LifetimeRules.SHARED_ARENAS.keySet());
        assertThat(MODULES.stream().filter(house::isHandwritten)
                .flatMap(type -> type.getFields().stream()
                        .map(field -> house.shortName(type) + "." + field.getName())))
                .containsAll(LifetimeRules.PROCESS_WIDE.keySet());
    }
}
