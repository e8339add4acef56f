package dev.vz.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class NativeAccessTest {

    /** Run in a JVM of its own. */
    static final class Probe {
        public static void main(String[] arguments) {
            try {
                FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ).close();
                System.out.println("opened");
            } catch (CapabilityException missing) {
                System.out.println(missing.getMessage());
            }
        }
    }

    @Test
    void isAvailableWhereTheTestsRun() {
        assertThat(NativeAccess.isAvailable()).isTrue();
        NativeAccess.require();
    }

    @Test
    void namesTheOptionWhenTheJvmDeniesNativeAccess() throws Exception {
        assertThat(probe("--illegal-native-access=deny")).contains("denies native access",
                "--enable-native-access=ALL-UNNAMED");
    }

    @Test
    void worksWithTheOptionThatTheMessageNames() throws Exception {
        assertThat(probe("--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED")).isEqualTo("opened");
    }

    @Test
    void namesTheModuleAndTheOptionOfANamedModule() {
        assertThat(NativeAccess.option()).isEqualTo("--enable-native-access=dev.vz.linux");
    }

    @Test
    void saysWhatSystemItNeeds() {
        assertThatThrownBy(() -> NativeAccess.check("Mac OS X", "aarch64")).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("Linux on x86-64").hasMessageContaining("Mac OS X aarch64");
        assertThatThrownBy(() -> NativeAccess.check("Linux", "aarch64")).isInstanceOf(CapabilityException.class);
    }

    private static String probe(String... options) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(List.of(options));
        command.add("-cp");
        command.add(
                String.join(":", place(FileDescriptor.class), place(Probe.class), place(CapabilityException.class)));
        command.add(Probe.class.getName());
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return output;
    }

    private static String place(Class<?> type) {
        return type.getProtectionDomain().getCodeSource().getLocation().getPath();
    }
}
