package dev.vz.emulator.irq;

import dev.vz.bus.BusDevice;
import dev.vz.irq.PicState;

/**
 * The two 8259As of a PC: master at ports 0x20 and 0x21, slave at 0xA0 and 0xA1 on the master's input 2, edge/level
 * control at 0x4D0 and 0x4D1. Its output goes to the processors' LINT0. Thread-safe.
 */
public final class PicPair {

    private final Pic master = new Pic(true);
    private final Pic slave = new Pic(false);
    private final ApicBus bus;
    private boolean output;

    /** Two controllers as after power-on, whose output goes to {@code bus}. */
    public PicPair(ApicBus bus) {
        this.bus = bus;
    }

    /** As after power-on. */
    public synchronized void reset() {
        master.reset();
        slave.reset();
        update();
    }

    /** Drives input {@code irq}, 0 to 15. */
    public synchronized void set(int irq, boolean high) {
        if (irq < 8) {
            master.set(irq, high);
        } else {
            slave.set(irq - 8, high);
        }
        update();
    }

    private void update() {
        master.set(2, slave.request() >= 0);
        boolean high = master.request() >= 0;
        if (high != output) {
            output = high;
            bus.pic(high);
        }
    }

    /** The processor takes the interrupt: its vector. A request that went away meanwhile is input 7, as on the chip. */
    public synchronized int acknowledge() {
        int input = master.request();
        int vector;
        if (input == 2) {
            int second = slave.request();
            if (second >= 0) {
                slave.acknowledge(second);
            } else {
                second = 7;
            }
            vector = slave.vector(second);
            master.acknowledge(2);
        } else if (input >= 0) {
            master.acknowledge(input);
            vector = master.vector(input);
        } else {
            vector = master.vector(7);
        }
        // The output falls for a moment with every acknowledge, so that the next request is an edge again.
        output = false;
        bus.pic(false);
        update();
        return vector;
    }

    /** What answers at 0x20. */
    public BusDevice masterPorts() {
        return new Ports(master);
    }

    /** What answers at 0xA0. */
    public BusDevice slavePorts() {
        return new Ports(slave);
    }

    /** What answers at 0x4D0. */
    public BusDevice elcrPorts() {
        return new ElcrPorts();
    }

    /** The master's state, for a snapshot. */
    public synchronized PicState saveMaster() {
        return master.save();
    }

    /** The slave's state, for a snapshot. */
    public synchronized PicState saveSlave() {
        return slave.save();
    }

    /** Puts both states in place. */
    public synchronized void restore(PicState masterState, PicState slaveState) {
        master.restore(masterState);
        slave.restore(slaveState);
        update();
    }

    private final class Ports implements BusDevice {
        private final Pic pic;

        Ports(Pic pic) {
            this.pic = pic;
        }

        @Override
        public long read(long offset, int size) {
            synchronized (PicPair.this) {
                int value = pic.read((int) offset & 1);
                update();
                return value;
            }
        }

        @Override
        public void write(long offset, int size, long value) {
            synchronized (PicPair.this) {
                pic.write((int) offset & 1, (int) value & 0xFF);
                update();
            }
        }
    }

    private final class ElcrPorts implements BusDevice {
        @Override
        public long read(long offset, int size) {
            synchronized (PicPair.this) {
                int both = master.elcr() | slave.elcr() << 8;
                return offset == 0 ? both : both >>> 8;
            }
        }

        @Override
        public void write(long offset, int size, long value) {
            synchronized (PicPair.this) {
                if (offset == 0) {
                    master.setElcr((int) value);
                    if (size == 2) {
                        slave.setElcr((int) value >>> 8);
                    }
                } else {
                    slave.setElcr((int) value);
                }
                update();
            }
        }
    }
}
