package dev.vz.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.PollSet;
import dev.vz.linux.event.TimerFd;
import dev.vz.linux.file.IoVectors;
import dev.vz.linux.memory.LinuxMemoryAllocator;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.Mapping;
import dev.vz.linux.memory.MemoryFile;
import dev.vz.linux.network.NetworkInterface;
import dev.vz.linux.network.NetworkNamespace;
import dev.vz.linux.socket.MessageBatch;
import dev.vz.linux.socket.SocketMessage;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixListener;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.linux.thread.NativeThread;
import dev.vz.linux.thread.Signals;
import dev.vz.memory.MemoryRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class NativeAccessTest {

    /** Run in a JVM of its own: comes in through every door of the module that needs no other object first. */
    static final class Probe {
        private static final Map<String, Runnable> DOORS = new TreeMap<>(Map.ofEntries(
                Map.entry("FileDescriptor.open",
                        () -> FileDescriptor.open(Path.of("/dev/null"), OpenFlag.READ).close()),
                Map.entry("FileDescriptor.borrow", () -> FileDescriptor.borrow(0, "input").close()),
                Map.entry("EventFd", () -> EventFd.nonBlocking().close()),
                Map.entry("TimerFd", () -> TimerFd.nonBlocking(TimerFd.Clock.MONOTONIC).close()),
                Map.entry("PollSet", () -> new PollSet(1).clear()),
                Map.entry("EpollLoop", () -> new EpollLoop("probe").close()),
                Map.entry("IoVectors", () -> new IoVectors(1).clear()),
                Map.entry("MappedMemory", () -> MappedMemory.map(Mapping.anonymous(4096).withGuards()).close()),
                Map.entry("MemoryFile", () -> MemoryFile.create("probe", 4096).close()),
                Map.entry("LinuxMemoryAllocator",
                        () -> new LinuxMemoryAllocator().allocate(MemoryRequest.of(4096)).close()),
                Map.entry("UnixSocket", () -> UnixSocket.pair(SocketType.STREAM, true).close()),
                Map.entry("UnixListener", () -> UnixListener.listen(
                        UnixAddress.inAbstract("vz-probe-" + ProcessHandle.current().pid()), SocketType.STREAM, 1, true)
                        .close()),
                Map.entry("SocketMessage", () -> new SocketMessage(1, 1).close()),
                Map.entry("MessageBatch", () -> new MessageBatch(1).capacity()),
                Map.entry("NativeThread.id", NativeThread::id),
                Map.entry("NativeThread.affinity", () -> NativeThread.affinity(0)),
                Map.entry("Signals.realTime", () -> Signals.realTime(0)),
                Map.entry("Signals.send", () -> Signals.send(1, 0)),
                Map.entry("Signals.blocked", Signals::blocked),
                Map.entry("NetworkNamespace", () -> NetworkNamespace.open(Path.of("/proc/self/ns/net")).close()),
                Map.entry("NetworkInterface", () -> NetworkInterface.of("lo").close())));

        public static void main(String[] arguments) {
            DOORS.forEach((door, action) -> {
                try {
                    action.run();
                    System.out.println(door + ": open");
                } catch (CapabilityException missing) {
                    System.out.println(door + ": " + missing.getMessage());
                }
            });
            System.out.println(new LinuxMemoryAllocator().supports(MemoryRequest.of(4096)));
        }
    }

    @Test
    void isAvailableWhereTheTestsRun() {
        assertThat(NativeAccess.isAvailable()).isTrue();
        NativeAccess.require();
    }

    @Test
    void everyDoorNamesTheOptionWhenTheJvmDeniesNativeAccess() throws Exception {
        var lines = probe("--illegal-native-access=deny").lines().toList();
        assertThat(lines).hasSize(Probe.DOORS.size() + 1).last().isEqualTo("false");
        assertThat(lines.subList(0, lines.size() - 1)).allSatisfy(line -> assertThat(line)
                .contains("denies native access", "--enable-native-access=ALL-UNNAMED"));
    }

    @Test
    void everyDoorOpensWithTheOptionThatTheMessageNames() throws Exception {
        var lines = probe("--illegal-native-access=deny", "--enable-native-access=ALL-UNNAMED").lines().toList();
        assertThat(lines).hasSize(Probe.DOORS.size() + 1).last().isEqualTo("true");
        assertThat(lines.subList(0, lines.size() - 1)).allSatisfy(line -> assertThat(line).endsWith(": open"));
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
