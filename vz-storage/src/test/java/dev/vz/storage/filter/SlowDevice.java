package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/** A device in virtual time: one request after another, each for as long as a function says; remembers their order. */
final class SlowDevice implements BlockDevice {

    private final BlockDevice content;
    private final VirtualClock clock;
    private final ToLongFunction<BlockRequest> cost;
    private final List<String> order = new ArrayList<>();
    private long freeAt;
    private int inFlight;
    private int mostInFlight;

    SlowDevice(BlockDevice content, VirtualClock clock, ToLongFunction<BlockRequest> cost) {
        this.content = content;
        this.clock = clock;
        this.cost = cost;
    }

    List<String> order() {
        return order;
    }

    int mostInFlight() {
        return mostInFlight;
    }

    @Override
    public BlockInfo info() {
        return content.info();
    }

    @Override
    public void submit(BlockRequest request) {
        order.add(request.toString());
        mostInFlight = Math.max(mostInFlight, ++inFlight);
        freeAt = Math.max(freeAt, clock.nanoTime()) + cost.applyAsLong(request);
        clock.at(freeAt, () -> {
            inFlight--;
            content.submit(request);
        });
    }

    @Override
    public void close() {
        content.close();
    }
}
