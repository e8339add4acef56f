package dev.vz.samples.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.machine.clock.ManualClock;
import dev.vz.machine.serial.SerialLine;
import dev.vz.machine.serial.Uart16550;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Typing into the real serial port, with a driver that is written out here (PC16550D data sheet, section 8). */
@Timeout(120)
class GuestInputTest {

    private static final int RBR = 0;
    private static final int FCR = 2;
    private static final int MCR = 4;
    private static final int LSR = 5;
    private static final int FCR_ENABLE_AND_CLEAR = 0x07;
    private static final int MCR_DTR_RTS_OUT2 = 0x0B;
    private static final int LSR_DATA_READY = 1;

    private final Uart16550 port = new Uart16550("COM1", level -> {}, new ManualClock(0));

    @Test
    void everythingTypedArrivesInOrderHoweverSmallTheFifo() throws Exception {
        try (GuestInput input = connect(false)) {
            port.write(FCR, 1, FCR_ENABLE_AND_CLEAR);
            for (int i = 0; i < 3000; i++) {
                input.typeOrWait((byte) i);
            }
            for (int i = 0; i < 3000; i++) {
                assertThat(read()).isEqualTo(i & 0xFF);
            }
        }
    }

    @Test
    void whatIsPipedInWaitsUntilTheDriverHasOpenedThePort() throws Exception {
        try (GuestInput input = connect(true)) {
            input.typeOrWait((byte) 'x');
            TimeUnit.MILLISECONDS.sleep(100);
            assertThat(port.read(LSR, 1) & LSR_DATA_READY).as("nothing arrives before").isZero();
            // A driver empties the FIFOs first and raises RTS then.
            port.write(FCR, 1, FCR_ENABLE_AND_CLEAR);
            port.write(MCR, 1, MCR_DTR_RTS_OUT2);
            assertThat(read()).isEqualTo('x');
        }
    }

    @Test
    void aGuestThatDoesNotReadNeitherBlocksThePersonNorGrowsTheHost() {
        try (GuestInput input = connect(false)) {
            for (int i = 0; i < 1_000_000; i++) {
                input.type((byte) i);
            }
            assertThat(read()).isZero();
        }
    }

    @Test
    void closingEndsWhoeverWaits() throws Exception {
        GuestInput input = connect(false);
        Thread pipe = Thread.ofPlatform().start(() -> {
            try {
                for (int i = 0; i < 10_000; i++) {
                    input.typeOrWait((byte) i);
                }
            } catch (InterruptedException interruption) {
                Thread.currentThread().interrupt();
            }
        });
        TimeUnit.MILLISECONDS.sleep(50);
        input.close();
        input.close();
        pipe.join(60_000);
        assertThat(pipe.isAlive()).isFalse();
    }

    private GuestInput connect(boolean waitForDriver) {
        var input = new GuestInput(port, waitForDriver);
        port.connect(new SerialLine() {
            @Override
            public boolean transmit(int value) {
                return true;
            }

            @Override
            public void receiverReady() {
                input.receiverReady();
            }

            @Override
            public void modemControl(boolean dataTerminalReady, boolean requestToSend) {
                input.requestToSend(requestToSend);
            }
        });
        return input;
    }

    private int read() {
        BooleanSupplier ready = () -> (port.read(LSR, 1) & LSR_DATA_READY) != 0;
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!ready.getAsBoolean()) {
            assertThat(System.nanoTime()).as("time without a byte").isLessThan(limit);
            Thread.onSpinWait();
        }
        return (int) port.read(RBR, 1);
    }
}
