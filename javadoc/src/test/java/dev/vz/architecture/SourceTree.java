package dev.vz.architecture;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The checked-out sources that this build was made from. */
final class SourceTree {

    /** Tests run in their module's folder; the tree is one above. */
    static final Path ROOT = Path.of("").toAbsolutePath().getParent();

    private SourceTree() {}

    /** Every Maven module that the build lists, aggregators included. */
    static List<ModuleFolder> modules() {
        return modulesOf(ROOT).toList();
    }

    /** The published modules with code in them. */
    static List<ModuleFolder> libraries() {
        return modules().stream().filter(each -> each.isPublished() && each.isJar()).toList();
    }

    private static Stream<ModuleFolder> modulesOf(Path folder) {
        return read(folder.resolve("pom.xml")).lines()
                .map(String::strip)
                .filter(line -> line.startsWith("<module>"))
                .map(line -> folder.resolve(line.substring(8, line.indexOf("</module>"))))
                .flatMap(child -> Stream.concat(Stream.of(ModuleFolder.of(child)), modulesOf(child)));
    }

    /** All Java files under {@code sub}, a folder of a module such as {@code src/main/java}. */
    static List<Path> javaFiles(ModuleFolder module, String sub) {
        Path folder = module.folder().resolve(sub);
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
        } catch (IOException failure) {
            throw new UncheckedIOException("Listing " + folder, failure);
        }
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException failure) {
            throw new UncheckedIOException("Reading " + file, failure);
        }
    }
}
