package dev.vz.guide;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The README shows code that is compiled, and links to files that are there. */
class ReadmeTest {

    private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
    private static final Path SNIPPETS = Path.of("src/snippets/java/dev/vz/guide");

    /** {@code <!-- snippet: FILE REGION -->} and the block after it. */
    private static final Pattern SHOWN = Pattern.compile("<!-- snippet: (\\S+) (\\S+) -->\n```java\n(.*?)```\n",
            Pattern.DOTALL);

    private static final Pattern LINK = Pattern.compile("]\\((?!https?:)([^)#]+)");

    private static String readme() throws IOException {
        return Files.readString(ROOT.resolve("README.md"));
    }

    /** What lies between {@code @start region="NAME"} and the next {@code @end}, without its indentation. */
    private static String region(String file, String name) throws IOException {
        List<String> lines = Files.readAllLines(SNIPPETS.resolve(file)).stream()
                .dropWhile(line -> !line.contains("@start region=\"" + name + "\""))
                .skip(1)
                .takeWhile(line -> !line.contains("// @end"))
                .toList();
        return String.join("\n", lines).stripIndent() + "\n";
    }

    @TestFactory
    Stream<DynamicTest> theReadmeShowsTheCompiledProgram() throws IOException {
        List<MatchResult> shown = SHOWN.matcher(readme()).results().toList();
        assertThat(shown).isNotEmpty();
        return shown.stream().map(each -> DynamicTest.dynamicTest(each.group(1),
                () -> assertThat(each.group(3)).isEqualTo(region(each.group(1), each.group(2)))));
    }

    @Test
    void theProgramTakesAboutTwentyLines() throws IOException {
        assertThat(region("BootLinux.java", "program").lines()
                .filter(line -> !line.isBlank() && !line.startsWith("import "))).hasSizeLessThanOrEqualTo(20);
    }

    @Test
    void everyLinkLeadsSomewhere() throws IOException {
        Stream<String> targets = Stream.of("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
                .flatMap(file -> LINK.matcher(read(ROOT.resolve(file))).results())
                .map(match -> match.group(1));
        assertThat(targets).isNotEmpty().allSatisfy(target -> assertThat(ROOT.resolve(target)).exists());
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException failure) {
            throw new java.io.UncheckedIOException("Reading " + file, failure);
        }
    }
}
