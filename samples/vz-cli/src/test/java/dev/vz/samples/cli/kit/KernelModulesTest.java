package dev.vz.samples.cli.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelModulesTest {

    @TempDir
    Path folder;

    @BeforeEach
    void modules() throws IOException {
        module("kernel/a/virtio.ko", "");
        module("kernel/a/virtio_ring.ko", "virtio");
        module("kernel/b/virtio_pci.ko", "virtio_ring,virtio,built-in");
        module("kernel/c/virtio-rng.ko", "virtio");
        Files.writeString(folder.resolve("modules.builtin"), "kernel/z/built-in.ko\n");
    }

    private void module(String name, String depends) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.write(file, ("\177ELF…license=GPL\0depends=" + depends + "\0name=x\0").getBytes(
                StandardCharsets.ISO_8859_1));
    }

    private List<String> order(String... names) {
        return new KernelModules(folder).inOrder(new java.util.LinkedHashSet<>(List.of(names))).stream()
                .map(file -> file.getFileName().toString()).toList();
    }

    @Test
    void what_a_module_depends_on_comes_before_it_and_once() {
        assertThat(order("virtio_pci", "virtio-rng")).containsExactly("virtio.ko", "virtio_ring.ko", "virtio_pci.ko",
                "virtio-rng.ko");
    }

    @Test
    void dashes_and_underscores_are_the_same() {
        assertThat(order("virtio_rng")).isEqualTo(order("virtio-rng"));
    }

    @Test
    void what_is_built_in_needs_no_file_and_what_is_not_there_is_named() {
        assertThat(order("built_in")).isEmpty();
        assertThatThrownBy(() -> order("nothing")).isInstanceOf(FormatException.class)
                .hasMessageContaining("has no module nothing");
    }

    @Test
    void a_file_that_is_no_module_is_named() throws IOException {
        Path file = Files.writeString(folder.resolve("kernel/a/text.ko"), "depends=");
        assertThatThrownBy(() -> order("text")).isInstanceOf(FormatException.class)
                .hasMessage(file + " is no kernel module: it does not say what it depends on");
        assertThat(new KernelModules(folder).inOrder(Set.of())).isEmpty();
    }
}
