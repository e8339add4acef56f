package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.socket.InternetSocket;
import java.util.ArrayList;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class SocketKeeperTest {

    @Test
    void whatWasOpenedAheadComesBackWhenDescriptorsAreShort() {
        try (var loop = new EpollLoop("test"); var sockets = new SocketKeeper(loop)) {
            assertThat(sockets.release()).as("descriptors that nobody uses").isFalse();
            try (InternetSocket first = sockets.open(false)) {
                loop.poll(0);
                loop.poll(0);
                try (InternetSocket second = sockets.open(false)) {
                    assertThat(second.descriptor().value()).isNotEqualTo(first.descriptor().value());
                    assertThat(second.isVersion6()).isFalse();
                }
                loop.poll(0);
                loop.poll(0);
                assertThat(sockets.release()).isTrue();
                assertThat(sockets.release()).isFalse();
            }
        }
    }

    @Test
    void nothingIsOpenedAheadOnceItIsClosed() {
        try (var loop = new EpollLoop("test"); var sockets = new SocketKeeper(loop)) {
            sockets.open(false).close();
            sockets.close();
            loop.poll(0);
            loop.poll(0);
            assertThat(sockets.release()).isFalse();
        }
    }

    @Test
    void whatIsToBeClosedIsClosedInTheNextIdleMomentOrByAnother() {
        try (var loop = new EpollLoop("test"); var sockets = new SocketKeeper(loop)) {
            for (int count : new int[] {1, 7, 8, 100}) {
                var all = new ArrayList<InternetSocket>();
                loop.execute(() -> {
                    for (int i = 0; i < count; i++) {
                        InternetSocket socket = InternetSocket.open(InternetSocket.Protocol.UDP, false);
                        all.add(socket);
                        sockets.closeLater(socket);
                    }
                });
                loop.poll(-1);
                assertThat(all).hasSize(count);
                while (all.stream().anyMatch(socket -> socket.descriptor().isOpen())) {
                    LockSupport.parkNanos(1_000_000); // the other thread
                }
            }
        }
    }
}
