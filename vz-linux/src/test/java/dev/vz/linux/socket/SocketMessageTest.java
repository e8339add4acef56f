package dev.vz.linux.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.OpenDescriptors;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.Mapping;
import dev.vz.linux.memory.MemoryFile;
import dev.vz.testing.Allocations;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class SocketMessageTest {

    @Test
    void aMemoryFileArrivesAndIsTheSameMemory() throws Exception {
        try (var pair = UnixSocket.pair(SocketType.STREAM, true);
                var memory = MemoryFile.create("passed", 4096);
                var event = EventFd.nonBlocking();
                var out = new SocketMessage(1, 2);
                var in = new SocketMessage(1, 2);
                var arena = Arena.ofConfined()) {
            out.vectors().add(arena.allocateFrom("fds"), 0, 3);
            in.vectors().add(arena.allocate(16));
            assertThat(out.send(pair.first(), memory.descriptor(), event.descriptor())).isEqualTo(3);
            assertThat(in.receive(pair.second())).isEqualTo(3);
            assertThat(in.descriptorCount()).isEqualTo(2);
            var received = in.takeDescriptors();
            assertThat(in.descriptorCount()).isZero();
            try (var first = received.get(0);
                    var second = EventFd.adopt(received.get(1));
                    var mine = MappedMemory.map(memory.mapping(0));
                    var theirs = MappedMemory.map(Mapping.of(first, 0, 4096))) {
                assertThat(first.value()).isNotEqualTo(memory.descriptor().value());
                theirs.segment().set(ValueLayout.JAVA_INT, 100, 0xcafe);
                assertThat(mine.segment().get(ValueLayout.JAVA_INT, 100)).isEqualTo(0xcafe);
                second.signal();
                assertThat(event.take()).isEqualTo(1);
                String flags = Files.readAllLines(Path.of("/proc/self/fdinfo/" + first.value())).stream()
                        .filter(line -> line.startsWith("flags:")).findFirst().orElseThrow();
                assertThat(Integer.parseInt(flags.split("\\s+")[1], 8) & 02000000).as("O_CLOEXEC").isNotZero();
            }
        }
    }

    @Property(tries = 60)
    void noMoreDescriptorsComeInThanThereIsRoomFor(@ForAll @IntRange(max = 40) int sent,
            @ForAll @IntRange(max = 40) int room) throws Exception {
        var before = OpenDescriptors.open();
        try (var pair = UnixSocket.pair(SocketType.SEQUENCED_PACKET, true);
                var event = EventFd.nonBlocking();
                var out = new SocketMessage(1, 40);
                var in = new SocketMessage(1, room);
                var arena = Arena.ofConfined()) {
            var many = new FileDescriptor[sent];
            Arrays.fill(many, event.descriptor());
            out.vectors().add(arena.allocate(8));
            in.vectors().add(arena.allocate(8));
            assertThat(out.send(pair.first(), many)).isEqualTo(8);
            long result = in.receive(pair.second());
            if (sent <= room) {
                assertThat(result).isEqualTo(8);
                assertThat(in.descriptorCount()).isEqualTo(sent);
                assertThat(copies(event)).isEqualTo(1 + sent);
                in.takeDescriptors().forEach(FileDescriptor::close);
            } else {
                assertThat(result).isEqualTo(-Errno.EMSGSIZE);
                assertThat(in.descriptorCount()).isZero();
            }
            assertThat(copies(event)).isEqualTo(1);
            // The message after a refused one is received as usual.
            assertThat(out.send(pair.first())).isEqualTo(8);
            assertThat(in.receive(pair.second())).isEqualTo(8);
        }
        assertThat(OpenDescriptors.moreThan(before)).isEmpty();
    }

    /** How many descriptors of this process are the same event: others may come and go meanwhile. */
    private static int copies(EventFd event) throws IOException {
        String wanted = identity(Path.of("/proc/self/fdinfo/" + event.descriptor().value()));
        int found = 0;
        try (var entries = Files.list(Path.of("/proc/self/fdinfo"))) {
            for (Path entry : entries.toList()) {
                found += identity(entry).equals(wanted) ? 1 : 0;
            }
        }
        assertThat(wanted).startsWith("eventfd-id:");
        return found;
    }

    private static String identity(Path entry) throws IOException {
        try {
            return Files.readAllLines(entry).stream().filter(line -> line.startsWith("eventfd-id:")).findFirst()
                    .orElse("");
        } catch (NoSuchFileException closed) {
            return "";
        }
    }

    @Test
    void descriptorsThatNobodyTookAreClosed() throws Exception {
        OpenDescriptors.expectNoneLeftBy(() -> {
            try (var pair = UnixSocket.pair(SocketType.STREAM, true);
                    var event = EventFd.nonBlocking();
                    var message = new SocketMessage(1, 3);
                    var arena = Arena.ofConfined()) {
                message.vectors().add(arena.allocate(1));
                for (int i = 0; i < 3; i++) {
                    message.send(pair.first(), event.descriptor(), event.descriptor());
                    assertThat(message.receive(pair.second())).isEqualTo(1);
                    assertThat(message.descriptorCount()).isEqualTo(2);
                }
                // Descriptors that are never received go with the socket.
                message.send(pair.first(), event.descriptor());
            }
        });
    }

    @Test
    void piecesAreGatheredAndScattered() {
        try (var pair = UnixSocket.pair(SocketType.DATAGRAM, true);
                var out = new SocketMessage(3, 0);
                var in = new SocketMessage(2, 0);
                var arena = Arena.ofConfined()) {
            out.vectors().add(arena.allocateFrom("abc"), 0, 3);
            out.vectors().add(arena.allocateFrom("de"), 0, 2);
            out.vectors().add(arena.allocateFrom("fghi"), 0, 4);
            var first = arena.allocate(4);
            var second = arena.allocate(16);
            in.vectors().add(first);
            in.vectors().add(second);
            assertThat(out.send(pair.first())).isEqualTo(9);
            assertThat(in.receive(pair.second())).isEqualTo(9);
            assertThat(in.isTruncated()).isFalse();
            assertThat(second.getString(0)).isEqualTo("efghi");
            in.vectors().clear();
            in.vectors().add(first);
            out.send(pair.first());
            assertThat(in.receive(pair.second())).isEqualTo(4);
            assertThat(in.isTruncated()).isTrue();
            assertThat(in.receive(pair.second())).isEqualTo(-Errno.EAGAIN);
            assertThat(in.isTruncated()).isFalse();
        }
    }

    @Test
    void roomIsCheckedBeforeTheKernelIsAsked() {
        assertThatThrownBy(() -> new SocketMessage(1, 254)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new SocketMessage(1, -1)).isInstanceOf(ConfigurationException.class);
        try (var pair = UnixSocket.pair(SocketType.STREAM, true);
                var event = EventFd.nonBlocking();
                var message = new SocketMessage(1, 1)) {
            assertThatThrownBy(() -> message.send(pair.first(), event.descriptor(), event.descriptor()))
                    .isInstanceOf(ConfigurationException.class).hasMessageContaining("room for 1");
        }
    }

    @Test
    void aBatchOfMessagesGoesInOneCall() {
        try (var pair = UnixSocket.pair(SocketType.DATAGRAM, true); var arena = Arena.ofConfined()) {
            var out = new MessageBatch(4);
            var in = new MessageBatch(8);
            assertThat(out.capacity()).isEqualTo(4);
            for (int i = 0; i < 4; i++) {
                var buffer = arena.allocate(100);
                buffer.fill((byte) (i + 1));
                out.set(i, buffer, 0, 10 * (i + 1));
            }
            var received = arena.allocate(8 * 32);
            for (int i = 0; i < 8; i++) {
                in.set(i, received, i * 32, 32);
            }
            assertThat(in.receive(pair.second().descriptor(), 8)).isEqualTo(-Errno.EAGAIN);
            assertThat(out.send(pair.first().descriptor(), 1, 3)).isEqualTo(3);
            assertThat(out.length(3)).isEqualTo(40);
            assertThat(in.receive(pair.second().descriptor(), 8)).isEqualTo(3);
            assertThat(in.length(0)).isEqualTo(20);
            assertThat(in.length(1)).isEqualTo(30);
            assertThat(in.length(2)).isEqualTo(32);
            assertThat(in.isTruncated(1)).isFalse();
            assertThat(in.isTruncated(2)).isTrue();
            assertThat(received.get(ValueLayout.JAVA_BYTE, 32 + 29)).isEqualTo((byte) 3);
            assertThatThrownBy(() -> out.send(pair.first().descriptor(), 2, 3))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> out.set(0, received, 0, 257)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> new MessageBatch(0)).isInstanceOf(ConfigurationException.class);
        }
    }

    @Test
    @Tag("allocation")
    void messagesAndBatchesAllocateNothing() {
        try (var pair = UnixSocket.pair(SocketType.DATAGRAM, true);
                var message = new SocketMessage(1, 4);
                var arena = Arena.ofConfined()) {
            var batch = new MessageBatch(4);
            var buffer = arena.allocate(64);
            message.vectors().add(buffer);
            for (int i = 0; i < 4; i++) {
                batch.set(i, buffer, 0, 64);
            }
            FileDescriptor[] none = {};
            assertThat(Allocations.perCall(20_000, () -> {
                if (message.send(pair.first(), none) != 64 || message.receive(pair.second()) != 64
                        || batch.send(pair.first().descriptor(), 0, 4) != 4
                        || batch.receive(pair.second().descriptor(), 4) != 4) {
                    throw new AssertionError("messages were lost");
                }
            })).isZero();
        }
    }
}
