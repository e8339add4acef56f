package dev.vz.virtio.pci;

import dev.vz.bus.BusDevice;

/** One BAR with a page for each structure; an access that does not lie in one page of a structure reads as zeros. */
final class RegisterBar implements BusDevice {

    static final int COMMON = 0x0000;
    static final int ISR = 0x1000;
    static final int DEVICE = 0x2000;
    static final int NOTIFY = 0x3000;
    static final int MSIX_TABLE = 0x4000;
    static final int MSIX_PENDING = 0x5000;
    static final int BYTES = 0x8000;
    static final int PAGE = 0x1000;

    private final String name;
    private final BusDevice[] pages;

    RegisterBar(String name, BusDevice common, BusDevice isr, BusDevice device, BusDevice notify, BusDevice msixTable,
            BusDevice msixPending) {
        this.name = name;
        this.pages = new BusDevice[] {common, isr, device, notify, msixTable, msixPending};
    }

    private boolean answers(long offset, int size) {
        return offset >= 0 && offset / PAGE < pages.length && offset % PAGE + size <= PAGE;
    }

    @Override
    public long read(long offset, int size) {
        return answers(offset, size) ? pages[(int) (offset / PAGE)].read(offset % PAGE, size) : 0;
    }

    @Override
    public void write(long offset, int size, long value) {
        if (answers(offset, size)) {
            pages[(int) (offset / PAGE)].write(offset % PAGE, size, value);
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
