package dev.vz.architecture;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A Maven module as it lies in the source tree.
 *
 * @param folder where its pom.xml is
 * @param pom    the text of that file
 */
record ModuleFolder(Path folder, String pom) {

    static ModuleFolder of(Path folder) {
        return new ModuleFolder(folder, SourceTree.read(folder.resolve("pom.xml")));
    }

    /** {@code vz-api}. */
    String artifact() {
        String own = pom.substring(pom.indexOf("</parent>"));
        return own.substring(own.indexOf("<artifactId>") + 12, own.indexOf("</artifactId>"));
    }

    /** {@code api}. */
    String room() {
        return artifact().replaceFirst("^vz-", "");
    }

    boolean isPublished() {
        return pom.contains("<vz.unpublished>false</vz.unpublished>");
    }

    boolean isJar() {
        return !pom.contains("<packaging>pom</packaging>");
    }

    private byte[] compiledDeclaration() {
        Path file = folder.resolve("target/classes/module-info.class");
        try {
            return Files.readAllBytes(file);
        } catch (IOException failure) {
            throw new UncheckedIOException("Reading " + file + ", which the module's build should have written",
                    failure);
        }
    }

    /** What the module exports, requires and provides. */
    ModuleDescriptor descriptor() {
        return ModuleDescriptor.read(java.nio.ByteBuffer.wrap(compiledDeclaration()));
    }

    /** Whether the compiled declaration carries {@code @NullMarked}. */
    boolean isNullMarked() {
        ClassModel declaration = ClassFile.of().parse(compiledDeclaration());
        return declaration.findAttribute(Attributes.runtimeVisibleAnnotations()).stream()
                .flatMap(attribute -> attribute.annotations().stream())
                .anyMatch(each -> each.className().equalsString("Lorg/jspecify/annotations/NullMarked;"));
    }

    @Override
    public String toString() {
        return artifact();
    }
}
