package dev.vz.samples.cli.guest;

import dev.vz.machine.serial.SerialLine;
import dev.vz.machine.serial.Uart16550;
import dev.vz.samples.cli.console.GuestInput;
import dev.vz.samples.cli.console.OutputPump;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One serial port of a guest with what listens to it: bytes pass through a sink on their way to a stream, and a stream
 * that is slow makes the guest wait, nothing else.
 */
final class ConnectedPort {

    private final OutputPump pump;

    private ConnectedPort(OutputPump pump) {
        this.pump = pump;
    }

    /**
     * Listens to {@code port}.
     *
     * @param stream   where its output goes
     * @param sink     makes, from what writes to the stream, what takes the port's bytes; it may write up to
     *                 {@value OutputPump#SLACK} bytes for one that it takes
     * @param input    is told when the port can take input; {@code null} if there is none
     * @param onBroken called when the stream breaks
     */
    static ConnectedPort connect(Uart16550 port, OutputStream stream, Function<ExecReport.Sink, ExecReport.Sink> sink,
            @Nullable GuestInput input, Consumer<IOException> onBroken) {
        var pump = new OutputPump(stream, "vz-output-" + port, port::lineReady, onBroken);
        ExecReport.Sink taker = sink.apply(pump::write);
        port.connect(new SerialLine() {
            @Override
            public boolean transmit(int value) {
                if (!pump.ready()) {
                    return false;
                }
                taker.write((byte) value);
                return true;
            }

            @Override
            public void receiverReady() {
                if (input != null) {
                    input.receiverReady();
                }
            }

            @Override
            public void modemControl(boolean dataTerminalReady, boolean requestToSend) {
                if (input != null) {
                    input.requestToSend(requestToSend);
                }
            }
        });
        return new ConnectedPort(pump);
    }

    /** Waits until all that was said is written, but no longer than {@code limit}. */
    void close(Duration limit) {
        pump.close(limit);
    }
}
