package dev.vz.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What only the sources show: sizes, declarations, and that nothing is left off a list. */
class SourceTreeTest {

    private static final int LONGEST = 600;

    /** Files that are only tables, and may be longer; each with what it tabulates. */
    private static final Map<String, String> TABLES = Map.of();

    private static final Pattern LEFT_OVER = Pattern.compile("\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b");

    private static Stream<Path> handwritten() {
        return SourceTree.modules().stream()
                .flatMap(module -> Stream.of("src/main/java", "src/test/java", "src/snippets/java")
                        .flatMap(sub -> SourceTree.javaFiles(module, sub).stream()))
                .filter(file -> !file.toString().contains("/generated/"));
    }

    @Test
    void noFileIsLongerThanAPersonCanHold() {
        assertThat(tooLong(handwritten())).isEmpty();
    }

    @Test
    void aFileThatIsTooLongIsNoticed(@org.junit.jupiter.api.io.TempDir Path folder) throws java.io.IOException {
        Path file = Files.writeString(folder.resolve("Long.java"), "//\n".repeat(LONGEST + 1));
        assertThat(tooLong(Stream.of(file))).containsExactly("Long.java has 601 lines");
    }

    private static List<String> tooLong(Stream<Path> files) {
        return files.filter(file -> !TABLES.containsKey(file.getFileName().toString()))
                .filter(file -> SourceTree.read(file).lines().count() > LONGEST)
                .map(file -> file.getFileName() + " has " + SourceTree.read(file).lines().count() + " lines")
                .toList();
    }

    @Test
    void nothingIsMarkedAsUnfinished() {
        assertThat(handwritten().filter(file -> LEFT_OVER.matcher(SourceTree.read(file)).find())).isEmpty();
    }

    @Test
    void everyPackageOfALibrarySaysWhatLivesInIt() {
        Stream<Path> folders = SourceTree.libraries().stream()
                .flatMap(module -> SourceTree.javaFiles(module, "src/main/java").stream())
                .filter(file -> !file.endsWith("module-info.java"))
                .map(Path::getParent)
                .distinct();
        assertThat(folders).isNotEmpty()
                .allSatisfy(folder -> assertThat(folder.resolve("package-info.java")).content()
                        .contains("@NullMarked")
                        .startsWith("/**"));
    }

    @Test
    void everyLibraryIsInTheBomAndInTheDocumentation() {
        String bom = SourceTree.read(SourceTree.ROOT.resolve("bom/pom.xml"));
        String documentation = SourceTree.read(SourceTree.ROOT.resolve("javadoc/pom.xml"));
        assertThat(SourceTree.libraries()).isNotEmpty().allSatisfy(module -> {
            assertThat(bom).contains("<artifactId>" + module.artifact() + "</artifactId>");
            assertThat(documentation).contains("<argument>" + module.descriptor().name() + "=");
        });
    }

    @Test
    void everyLibraryIsNamedInTheReadme() {
        String readme = SourceTree.read(SourceTree.ROOT.resolve("README.md"));
        assertThat(SourceTree.libraries()).allSatisfy(module -> assertThat(readme).contains(module.artifact()));
    }
}
