package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixSocket;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class SocketCloserTest {

    private final ArrayDeque<InternetSocket> sockets = new ArrayDeque<>();
    private final ArrayList<InternetSocket> all = new ArrayList<>();

    private void open(int count) {
        for (int i = 0; i < count; i++) {
            UnixSocket.Pair pair = UnixSocket.pair(SocketType.STREAM, true);
            pair.second().close();
            InternetSocket socket = InternetSocket.adoptLocal(pair.first().descriptor());
            sockets.add(socket);
            all.add(socket);
        }
    }

    @Test
    void whatItTookIsClosedSoonByAnother() {
        try (var closer = new SocketCloser("closer")) {
            for (int turn = 1; turn <= 3; turn++) {
                open(8);
                assertThat(closer.take(sockets)).isTrue();
                assertThat(sockets).isEmpty();
                while (all.stream().anyMatch(socket -> socket.descriptor().isOpen())) {
                    LockSupport.parkNanos(1_000_000);
                }
            }
            assertThat(all).hasSize(24);
        }
    }

    @Test
    void nothingIsOpenOnceItIsClosedAndNothingTakenThen() {
        var closer = new SocketCloser("closer");
        open(100);
        assertThat(closer.take(sockets)).isTrue();
        closer.close();
        assertThat(all).noneMatch(socket -> socket.descriptor().isOpen());
        open(1);
        assertThat(closer.take(sockets)).isFalse();
        assertThat(sockets).hasSize(1);
        sockets.remove().close();
    }

    @Test
    void whoeverNeedsDescriptorsClosesWhatWaits() {
        try (var closer = new SocketCloser("closer")) {
            assertThat(closer.closeWaiting()).isFalse();
            open(100);
            assertThat(closer.take(sockets)).isTrue();
            boolean some = true;
            while (some) {
                some = closer.closeWaiting();
            }
            while (all.stream().anyMatch(socket -> socket.descriptor().isOpen())) {
                LockSupport.parkNanos(1_000_000); // the one that the closer has in its hands
            }
            assertThat(closer.closeWaiting()).isFalse();
        }
    }
}
