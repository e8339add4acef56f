package dev.vz.emulator.translator;

import dev.vz.emulator.cpu.Block;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import org.jspecify.annotations.Nullable;

/** Stands in the place of the first instruction of a block in the midst of a region, and begins the region there. */
final class Entrance extends Op {

    private final Region region;
    private final int part;
    private final Block block;

    Entrance(Region region, int part, Block block) {
        this.region = region;
        this.part = part;
        this.block = block;
        ip = block.ip;
        nextIp = block.ip;
    }

    @Override
    public Op current() {
        return region.current();
    }

    @Override
    public @Nullable Op execute(Cpu c) {
        if (c.vectorsOff) {
            return block.decoded;
        }
        region.start = part;
        return region.execute(c);
    }
}
