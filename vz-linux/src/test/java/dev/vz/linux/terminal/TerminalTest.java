package dev.vz.linux.terminal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.file.FileIo;
import dev.vz.testing.Peers;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TerminalTest {

    // asm-generic/ioctls.h: lets the other end of a pseudo-terminal be opened, and says which one it is.
    private static final long TIOCSPTLCK = 0x40045431;
    private static final long TIOCGPTN = 0x80045430;

    /** A terminal, and the end at which a person would sit. */
    private record PseudoTerminal(FileDescriptor person, FileDescriptor program) implements AutoCloseable {

        static PseudoTerminal open() {
            var person = FileDescriptor.open(Path.of("/dev/ptmx"), OpenFlag.READ_WRITE, OpenFlag.NONBLOCK);
            try (var arena = Arena.ofConfined()) {
                var number = arena.allocate(ValueLayout.JAVA_INT);
                Ioctl.checked("TIOCSPTLCK", person, TIOCSPTLCK, number);
                Ioctl.checked("TIOCGPTN", person, TIOCGPTN, number);
                Path other = Path.of("/dev/pts", Integer.toString(number.get(ValueLayout.JAVA_INT, 0)));
                return new PseudoTerminal(person, FileDescriptor.open(other, OpenFlag.READ_WRITE, OpenFlag.NONBLOCK));
            }
        }

        void type(String keys) {
            try (var arena = Arena.ofConfined()) {
                var bytes = arena.allocateFrom(keys);
                assertThat(FileIo.write(person, bytes, 0, bytes.byteSize() - 1)).isEqualTo(bytes.byteSize() - 1);
            }
        }

        String shown() {
            return read(person);
        }

        String read(FileDescriptor from) {
            try (var arena = Arena.ofConfined()) {
                var bytes = arena.allocate(256);
                long count = FileIo.read(from, bytes, 0, 255);
                return count < 0 ? "" : bytes.asSlice(0, count + 1).getString(0);
            }
        }

        String settings() throws Exception {
            Path stty = Peers.program("stty", "coreutils");
            var process = new ProcessBuilder(stty.toString(), "-g", "-F",
                    Path.of("/proc/" + ProcessHandle.current().pid() + "/fd/" + program.value()).toRealPath()
                            .toString())
                    .redirectErrorStream(true).start();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(text).matches("[0-9a-f:]+");
            return text;
        }

        @Override
        public void close() {
            program.close();
            person.close();
        }
    }

    @Test
    void tellsTerminalsFromOthers() {
        try (var pty = PseudoTerminal.open(); var event = EventFd.nonBlocking()) {
            assertThat(Terminal.isTerminal(pty.program())).isTrue();
            assertThat(Terminal.isTerminal(event.descriptor())).isFalse();
            assertThatThrownBy(() -> Terminal.of(event.descriptor())).isInstanceOf(HostException.class)
                    .hasMessageContaining("ENOTTY");
        }
    }

    @Test
    void inRawModeEveryKeyPassesAtOnceAndUnechoed() throws Exception {
        try (var pty = PseudoTerminal.open()) {
            String before = pty.settings();
            pty.type("ab");
            assertThat(pty.read(pty.program())).as("a line that is not finished").isEmpty();
            assertThat(pty.shown()).isEqualTo("ab");
            pty.type("\r");
            assertThat(pty.read(pty.program())).isEqualTo("ab\n");
            assertThat(pty.shown()).isEqualTo("\r\n");
            try (var raw = Terminal.of(pty.program()).raw()) {
                assertThat(pty.settings()).isNotEqualTo(before);
                pty.type("x\u0003\r\u0013");
                assertThat(pty.read(pty.program())).isEqualTo("x\u0003\r\u0013");
                assertThat(pty.shown()).isEmpty();
                raw.close();
                assertThat(pty.settings()).isEqualTo(before);
            }
            pty.type("c\r");
            assertThat(pty.read(pty.program())).isEqualTo("c\n");
        }
    }

    @Test
    void outputIsProcessedInRawModeToo() {
        try (var pty = PseudoTerminal.open(); var arena = Arena.ofConfined()) {
            try (var raw = Terminal.of(pty.program()).raw()) {
                FileIo.write(pty.program(), arena.allocateFrom("line\n"), 0, 5);
                assertThat(pty.shown()).isEqualTo("line\r\n");
                assertThat(raw).isNotNull();
            }
        }
    }

    /** Run in a JVM of its own, on the terminal. */
    static final class Program {
        public static void main(String[] arguments) throws Exception {
            var raw = Terminal.standardInput().raw();
            Runtime.getRuntime().addShutdownHook(new Thread(raw::close));
            System.out.println("raw");
            if (arguments[0].equals("exit")) {
                System.exit(3);
            }
            Thread.sleep(60_000);
        }
    }

    @Test
    void theSettingsComeBackWhenTheProgramExitsOrIsTerminated() throws Exception {
        for (String how : new String[] {"exit", "terminate"}) {
            try (var pty = PseudoTerminal.open()) {
                String before = pty.settings();
                var terminal = Path.of("/proc/" + ProcessHandle.current().pid() + "/fd/" + pty.program().value())
                        .toRealPath().toFile();
                var process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED", "-cp",
                        String.join(":", place(Terminal.class), place(Program.class), place(HostException.class)),
                        Program.class.getName(), how).redirectInput(terminal)
                        .redirectError(ProcessBuilder.Redirect.INHERIT).start();
                assertThat(process.inputReader().readLine()).isEqualTo("raw");
                if (how.equals("terminate")) {
                    assertThat(pty.settings()).isNotEqualTo(before);
                    process.destroy();
                }
                assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
                assertThat(process.exitValue()).isEqualTo(how.equals("exit") ? 3 : 143);
                assertThat(pty.settings()).as(how).isEqualTo(before);
            }
        }
    }

    @Test
    void theWindowHasASize() {
        try (var pty = PseudoTerminal.open()) {
            var terminal = Terminal.of(pty.program());
            Terminal.of(pty.person()).resize(new WindowSize(132, 43));
            assertThat(terminal.size()).isEqualTo(new WindowSize(132, 43));
            terminal.resize(new WindowSize(65535, 0));
            assertThat(terminal.size().columns()).isEqualTo(65535);
            assertThatThrownBy(() -> new WindowSize(65536, 1)).isInstanceOf(ConfigurationException.class);
        }
    }

    private static String place(Class<?> type) {
        return type.getProtectionDomain().getCodeSource().getLocation().getPath();
    }
}
