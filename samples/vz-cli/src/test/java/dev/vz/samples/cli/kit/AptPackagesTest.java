package dev.vz.samples.cli.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class AptPackagesTest {

    @Test
    void theConcreteKernelIsTheMetaPackagesDependency() {
        String text = """
                linux-image-cloud-amd64
                  Depends: linux-base
                  Depends: linux-image-6.1.0-42-cloud-amd64
                """;
        assertThat(AptPackages.dependency(text, "linux-image-cloud-amd64", "linux-image-"))
                .isEqualTo("linux-image-6.1.0-42-cloud-amd64");
    }

    @Test
    void aMetaPackageWithoutThatDependencyIsAnErrorThatSaysWhatToDo() {
        assertThatThrownBy(
                () -> AptPackages.dependency("linux-image-cloud-amd64\n", "linux-image-cloud-amd64", "linux-"))
                .isInstanceOf(FormatException.class).hasMessageContaining("apt-get update")
                .hasMessageContaining("--kernel");
    }

    @Test
    void aListOfUrisGivesFileNamesAndSizes() {
        String text = "Warning: something\n'http://mirror/p/b_1%3a1.35_amd64.deb' b_1%3a1.35_amd64.deb 928188 SHA256:00\n";
        assertThat(AptPackages.downloads(text))
                .containsExactly(new AptPackages.Download("b_1%3a1.35_amd64.deb", 928188));
    }

    @Test
    void aFileNameWithAFolderInItIsRefused() {
        assertThatThrownBy(() -> AptPackages.downloads("'http://mirror/x.deb' ../../x.deb 5 SHA256:00"))
                .isInstanceOf(FormatException.class).hasMessageContaining("without folders");
    }

    @Test
    void aHostWithoutTheProgramIsToldSo() {
        assertThatThrownBy(() -> new HostProgram(Path.of("/"), Duration.ofSeconds(5))
                .run(List.of("no-such-program-of-vz"), elapsed -> {})).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("no-such-program-of-vz");
    }

    @Test
    void aProgramThatFailsIsQuotedWithItsError() {
        assertThatThrownBy(
                () -> shell("echo first >&2; echo 'E: Unable to locate package' >&2; echo last >&2; exit 100"))
                .hasMessageContaining("E: Unable to locate package").hasMessageContaining("100");
    }

    @Test
    void aProgramThatTakesTooLongIsEnded() {
        long start = System.nanoTime();
        assertThatThrownBy(() -> new HostProgram(Path.of("/"), Duration.ofMillis(300))
                .run(List.of("sleep", "60"), elapsed -> {})).hasMessageContaining("no end within");
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(50));
    }

    @Test
    void messagesOfProgramsAreInEnglishWhateverTheLocale() {
        assertThat(shell("echo $LC_ALL").strip().toUpperCase(Locale.ROOT)).isEqualTo("C");
    }

    private static String shell(String script) {
        return new HostProgram(Path.of("/"), Duration.ofSeconds(60)).run(List.of("sh", "-c", script), elapsed -> {});
    }
}
