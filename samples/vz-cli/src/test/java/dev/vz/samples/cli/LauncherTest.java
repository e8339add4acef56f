package dev.vz.samples.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The launcher script in a tree of its own, with a Maven and a JDK that only tell how they were called. */
@Timeout(120)
class LauncherTest {

    private static final List<String> TOOLS = List.of("bash", "env", "dirname", "readlink", "find", "stat", "cksum",
            "mkdir",
            "flock", "sleep", "touch", "mv", "rm", "grep", "tail", "cat", "sh");

    /** Makes what the build makes, and counts how often. */
    private static final String MAVEN = """
            #!/bin/sh
            echo "$@" >>"$FAKE_ROOT/maven-calls"
            [ -z "$FAKE_MAVEN_FAILS" ] || { echo "[INFO] much"; echo "[ERROR] Broken.java:[3,7] ';' expected"; exit 1; }
            sleep ${FAKE_MAVEN_SECONDS:-0}
            mkdir -p "$FAKE_ROOT/samples/vz-cli/target/modules"
            echo jar >"$FAKE_ROOT/samples/vz-cli/target/vz-cli.jar"
            echo jar >"$FAKE_ROOT/samples/vz-cli/target/modules/vz-api.jar"
            """;

    /** Writes the cache it is asked for, else its arguments. */
    private static final String JAVA = """
            #!/bin/sh
            for argument; do
                case $argument in
                -XX:AOTCacheOutput=*)
                    echo train >>"$FAKE_ROOT/java-calls"
                    [ -n "$FAKE_JAVA_FAILS" ] || echo cache >"${argument#*=}"
                    exit 0 ;;
                esac
            done
            echo "${0%/bin/java}"
            for argument; do echo "<$argument>"; done
            exit ${FAKE_STATUS:-0}
            """;

    @TempDir
    Path folder;

    private Path root;
    private Path launcher;
    private final Map<String, String> environment = new HashMap<>();

    /** What the launcher did. */
    private record Result(int status, String out, String err) {

        /** The arguments that the program itself got. */
        List<String> arguments() {
            List<String> lines = out.lines().toList();
            return lines.subList(lines.indexOf("<dev.vz.samples.cli/dev.vz.samples.cli.Vz>") + 1, lines.size());
        }
    }

    @BeforeEach
    void makeTree() throws IOException {
        root = Files.createDirectories(folder.resolve("tree with spaces"));
        Path samples = Files.createDirectories(root.resolve("samples"));
        Path own = Path.of("..").toAbsolutePath().normalize();
        for (String script : List.of("vz", "launch.bash")) {
            Files.copy(own.resolve(script), samples.resolve(script));
        }
        launcher = samples.resolve("vz");
        Files.createDirectories(samples.resolve("vz-cli/src/main"));
        Files.createDirectories(root.resolve("vz-api/src/main"));
        for (String file : List.of("pom.xml", "samples/pom.xml", "samples/vz-cli/pom.xml", "vz-api/pom.xml",
                "vz-api/src/main/Word.java")) {
            Files.writeString(root.resolve(file), "");
        }
        Path bin = Files.createDirectories(folder.resolve("bin"));
        for (String tool : TOOLS) {
            Files.createSymbolicLink(bin.resolve(tool), Peers.program(tool, tool));
        }
        program(bin.resolve("mvn"), MAVEN);
        environment.put("PATH", bin.toString());
        environment.put("HOME", Files.createDirectories(folder.resolve("home")).toString());
        environment.put("VZ_CACHE", folder.resolve("cache").toString());
        environment.put("FAKE_ROOT", root.toString());
        environment.put("VZ_JAVA_HOME", jdk("jdk", "25.0.1").toString());
    }

    @Test
    void theFirstStartBuildsAndLaterOnesDoNot() throws Exception {
        Result first = run("boot");
        assertThat(first.err()).contains("vz: building it with Maven");
        assertThat(first.status()).isZero();
        assertThat(run("boot").err()).isEmpty();
        assertThat(lines("maven-calls")).singleElement().asString().contains("-pl samples/vz-cli -am -DskipTests");
    }

    @Test
    void aSourceThatIsNewerThanTheBuildIsBuilt() throws Exception {
        run("boot");
        Files.setLastModifiedTime(root.resolve("vz-api/src/main/Word.java"),
                FileTime.from(Instant.now().plusSeconds(5)));
        assertThat(run("boot").err()).contains("building");
        assertThat(lines("maven-calls")).hasSize(2);
    }

    @Test
    void argumentsArriveAsTheyWereGivenAndTheStatusComesBack() throws Exception {
        environment.put("FAKE_STATUS", "7");
        Result result = run("boot", "--exec", "echo \"a  b\" $HOME *", "", "--append=x y");
        assertThat(result.arguments()).containsExactly("<boot>", "<--exec>", "<echo \"a  b\" $HOME *>", "<>",
                "<--append=x y>");
        assertThat(result.status()).isEqualTo(7);
    }

    @Test
    void itWorksThroughALinkFromAnyFolder() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("bin/vz"), launcher);
        assertThat(run(link, Path.of("/"), "--help").arguments()).containsExactly("<--help>");
    }

    @Test
    void aBuildThatFailsShowsTheErrorsAndWhereAllOfItIs() throws Exception {
        environment.put("FAKE_MAVEN_FAILS", "1");
        Result result = run("boot");
        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("[ERROR] Broken.java:[3,7] ';' expected").doesNotContain("[INFO]")
                .contains("vz: the build failed; all of its output is in " + root);
    }

    @Test
    void withoutMavenItSaysWhatToInstall() throws Exception {
        Files.delete(folder.resolve("bin/mvn"));
        Result result = run("boot");
        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("Maven is not installed").contains("apt-get install maven");
    }

    @Test
    void aBuildThatIsForbiddenIsNotDone() throws Exception {
        environment.put("VZ_BUILD", "never");
        Result result = run("boot");
        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("has not been built").contains("VZ_BUILD");
        assertThat(root.resolve("maven-calls")).doesNotExist();
    }

    @Test
    void twoFirstStartsAtOnceBuildOnce() throws Exception {
        environment.put("FAKE_MAVEN_SECONDS", "1");
        var both = List.of(start(launcher, folder, "a"), start(launcher, folder, "b"));
        for (Process process : both) {
            assertThat(finish(process).status()).isZero();
        }
        assertThat(lines("maven-calls")).hasSize(1);
    }

    @Test
    void aJdkThatWasNamedButIsTooOldOrMissingIsAnError() throws Exception {
        environment.put("VZ_JAVA_HOME", jdk("old", "17.0.2").toString());
        Result old = run("boot");
        assertThat(old.status()).isEqualTo(1);
        assertThat(old.err()).startsWith("vz: VZ_JAVA_HOME is ").contains("which is Java 17").contains("JDK 25");
        environment.put("VZ_JAVA_HOME", folder.resolve("nowhere").toString());
        assertThat(run("boot").err()).contains("where there is no JDK");
    }

    @Test
    void javaHomeIsUsedIfItIsNewEnoughAndPassedOverIfNot() throws Exception {
        environment.remove("VZ_JAVA_HOME");
        Path home = Path.of(environment.get("HOME"));
        Path newest = jdk("home/.jdks/newest", "99");
        environment.put("JAVA_HOME", jdk("mine", "26").toString());
        assertThat(run("boot").out()).startsWith(folder.resolve("mine") + "\n");
        environment.put("JAVA_HOME", jdk("old", "17.0.2").toString());
        assertThat(run("boot").out()).as("the newest below %s", home).startsWith(newest + "\n");
    }

    @Test
    void theStartUpCacheIsMadeOnceAndUsed() throws Exception {
        Result first = run("boot");
        assertThat(first.err()).contains("preparing a start-up cache, once");
        assertThat(first.out()).contains("<-XX:AOTCache=" + folder.resolve("cache/start"));
        assertThat(run("boot").out()).contains("<-XX:AOTCache=");
        assertThat(lines("java-calls")).containsExactly("train");
    }

    @Test
    void aStartUpCacheThatCannotBeMadeIsDoneWithout() throws Exception {
        environment.put("FAKE_JAVA_FAILS", "1");
        for (int i = 0; i < 2; i++) {
            Result result = run("boot");
            assertThat(result.status()).isZero();
            assertThat(result.out()).doesNotContain("AOTCache");
        }
        assertThat(lines("java-calls")).as("tried once").hasSize(1);
        environment.put("VZ_CACHE", "/proc/nowhere");
        assertThat(run("boot").status()).isZero();
    }

    @Test
    void theStartUpCacheCanBeTurnedOff() throws Exception {
        environment.put("VZ_AOT", "off");
        assertThat(run("boot").out()).doesNotContain("AOTCache");
    }

    @Test
    void nativeAccessIsGrantedToTheModulesThatNeedIt() throws Exception {
        environment.put("VZ_JAVA_OPTS", "-Da=b -Xmx64m");
        assertThat(run("boot").out()).contains("<--enable-native-access=dev.vz.linux,dev.vz.kvm,dev.vz.emulator,"
                + "com.github.luben.zstd_jni>",
                "<-Da=b>",
                "<-Xmx64m>");
    }

    private Path jdk(String name, String version) throws IOException {
        Path home = folder.resolve(name);
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
        program(home.resolve("bin/java"), JAVA);
        return home;
    }

    private static void program(Path file, String script) throws IOException {
        Files.writeString(file, script);
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }

    private List<String> lines(String file) throws IOException {
        return Files.readAllLines(root.resolve(file));
    }

    private Result run(String... arguments) throws IOException, InterruptedException {
        return run(launcher, folder, arguments);
    }

    private Result run(Path program, Path from, String... arguments) throws IOException, InterruptedException {
        return finish(start(program, from, arguments));
    }

    private Process start(Path program, Path from, String... arguments) throws IOException {
        var command = new ArrayList<>(List.of(program.toString()));
        command.addAll(List.of(arguments));
        var builder = new ProcessBuilder(command).directory(from.toFile());
        builder.environment().clear();
        builder.environment().putAll(environment);
        return builder.start();
    }

    /** Both outputs are short: neither fills its pipe. */
    private static Result finish(Process process) throws IOException, InterruptedException {
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return new Result(process.exitValue(), out, err);
    }
}
