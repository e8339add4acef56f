package dev.vz.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.vz.hypervisor.Hypervisor;
import java.lang.module.ModuleDescriptor;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The module declarations: named, @NullMarked, and exporting no more than integrators need. */
class ModuleDeclarationTest {

    private static Stream<DynamicTest> forEachLibrary(java.util.function.Consumer<ModuleFolder> check) {
        return SourceTree.libraries().stream()
                .map(module -> DynamicTest.dynamicTest(module.artifact(), () -> check.accept(module)));
    }

    @TestFactory
    Stream<DynamicTest> isNamedAfterItsRoom() {
        return forEachLibrary(module -> assertThat(module.descriptor().name()).isEqualTo("dev.vz." + module.room()));
    }

    @TestFactory
    Stream<DynamicTest> isNullMarked() {
        return forEachLibrary(module -> assertThat(module.isNullMarked()).isTrue());
    }

    @TestFactory
    Stream<DynamicTest> isNeitherOpenNorExportsGeneratedBindings() {
        return forEachLibrary(module -> {
            ModuleDescriptor declaration = module.descriptor();
            assertThat(declaration.isOpen()).isFalse();
            assertThat(declaration.exports()).extracting(ModuleDescriptor.Exports::source)
                    .noneMatch(exported -> (exported + ".").contains(".generated."));
        });
    }

    @TestFactory
    Stream<DynamicTest> aBackEndIsFoundThroughServiceLoader() {
        return forEachLibrary(module -> assertThat(module.descriptor().provides().stream()
                .filter(each -> each.service().equals(Hypervisor.class.getName()))
                .flatMap(each -> each.providers().stream()))
                .containsExactlyInAnyOrderElementsOf(backEnds(module)));
    }

    /** The classes of {@code module} that are hypervisors. */
    private static List<String> backEnds(ModuleFolder module) {
        return new ClassFileImporter().importPath(module.folder().resolve("target/classes")).stream()
                .filter(type -> type.isAssignableTo(Hypervisor.class) && !type.isInterface())
                .filter(type -> !type.getModifiers().contains(JavaModifier.ABSTRACT))
                .map(JavaClass::getName)
                .toList();
    }

    @Test
    void vzApiRequiresNothingButJspecify() {
        ModuleFolder api = SourceTree.libraries().stream().filter(each -> each.room().equals(House.API)).findFirst()
                .orElseThrow();
        assertThat(api.descriptor().requires()).extracting(ModuleDescriptor.Requires::name)
                .containsExactlyInAnyOrder("java.base", "org.jspecify");
    }
}
