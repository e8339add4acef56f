package dev.vz.virtio.balloon;

import dev.vz.error.ConfigurationException;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.DescriptorChain;

/**
 * The memory balloon (virtio 1.3, 5.5): the guest gives up as many pages as the host asks for, and takes them back when it
 * is asked to or when it runs out of memory. Pages that it gave up, or reports as free, go back to the host at once and
 * read as zero when they are used again. Methods of the host's side may be called from any thread.
 */
public final class BalloonDevice implements VirtioDevice<BalloonState> {

    /** The device's type. */
    public static final int TYPE = 5;
    /** Bytes of a balloon's page. */
    public static final long PAGE = 4096;

    static final long STATS_VQ = 1L << 1;
    static final long DEFLATE_ON_OOM = 1L << 2;
    static final long FREE_PAGE_HINT = 1L << 3;
    static final long PAGE_POISON = 1L << 4;
    static final long PAGE_REPORTING = 1L << 5;

    static final int NUM_PAGES = 0;
    static final int ACTUAL = 4;
    static final int POISON_VAL = 12;
    private static final int CONFIG_BYTES = 16;
    private static final int QUEUE_SIZE = 128;
    private static final int QUEUES = 5;

    private final long totalBytes;
    private final boolean deflateOnOom;
    private final ConfigSpace config;
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainReader reader = new ChainReader(chain);
    private final DescriptorChain reportChain = new DescriptorChain();
    private final PageReclaimer inflated;
    private final PageReclaimer reported;
    private final StatisticsQueue statistics = new StatisticsQueue();
    private final HintQueue hints;
    private volatile long features;
    private volatile Runnable listener = () -> {};

    /** A balloon in {@code memory} from which the guest may take pages back when it runs out. */
    public BalloonDevice(GuestMemory memory) {
        this(memory, true);
    }

    /** The same, where {@code deflateOnOom} says whether the guest may take pages back without being asked. */
    public BalloonDevice(GuestMemory memory, boolean deflateOnOom) {
        this.totalBytes = memory.size();
        this.deflateOnOom = deflateOnOom;
        inflated = new PageReclaimer(memory);
        reported = new PageReclaimer(memory);
        config = new ConfigSpace(new byte[CONFIG_BYTES])
                .writable(ACTUAL, 4, (offset, value) -> listener.run())
                .writable(POISON_VAL, 4, (offset, value) -> {});
        hints = new HintQueue(config, memory);
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-balloon";
    }

    @Override
    public long features() {
        return STATS_VQ | FREE_PAGE_HINT | PAGE_POISON | PAGE_REPORTING | (deflateOnOom ? DEFLATE_ON_OOM : 0);
    }

    @Override
    public int queues() {
        return QUEUES;
    }

    @Override
    public int queueSize(int index) {
        return QUEUE_SIZE;
    }

    @Override
    public ConfigSpace config() {
        return config;
    }

    @Override
    public void negotiated(long agreed) {
        features = agreed;
    }

    // ---------------------------------------------------------------------------------------------- host's side

    /**
     * Asks the guest to give up {@code bytes}, rounded down to pages. It does so when it can; {@link #ballooned} tells.
     */
    public void target(long bytes) {
        if (bytes < 0 || bytes > totalBytes) {
            throw new ConfigurationException("A guest of " + totalBytes + " bytes cannot give up " + bytes);
        }
        config.set(NUM_PAGES, 4, bytes / PAGE);
    }

    /** Bytes that the guest is asked to give up. */
    public long target() {
        return config.read(NUM_PAGES, 4) * PAGE;
    }

    /** Bytes that the guest says it has given up. */
    public long ballooned() {
        return Math.min(config.read(ACTUAL, 4) * PAGE, totalBytes);
    }

    /** Bytes of memory that the guest has, balloon included. */
    public long totalBytes() {
        return totalBytes;
    }

    /** Whether a driver works the balloon. */
    public boolean isActive() {
        return features != 0;
    }

    /** Bytes given back to the host so far: of the balloon and reported as free. */
    public long reclaimedBytes() {
        return inflated.reclaimedBytes.get() + reported.reclaimedBytes.get();
    }

    /** Runs {@code listener} when {@link #ballooned} changes. Called on a vCPU thread; must not wait. */
    public void onChange(Runnable listener) {
        this.listener = listener;
    }

    /** What the guest reported last. */
    public GuestStatistics statistics() {
        return statistics.latest();
    }

    /**
     * Asks the guest for a new report; {@link #statistics} changes when it comes. Without effect while the driver does not
     * report, or has not answered the last question.
     */
    public void requestStatistics() {
        statistics.request();
    }

    /**
     * Asks the guest which pages are free (5.5.6.4) and tells {@code listener}. A round that is under way ends.
     *
     * @return whether the driver knows how to answer
     */
    public boolean beginHints(FreePageListener listener) {
        if ((features & FREE_PAGE_HINT) == 0) {
            return false;
        }
        hints.begin(listener);
        return true;
    }

    /** Ends the round of hints: the guest may use its free pages again. */
    public void endHints() {
        hints.end();
    }

    // --------------------------------------------------------------------------------------------------- queues

    private enum Role {
        INFLATE, DEFLATE, STATISTICS, HINTS, REPORTS, NONE
    }

    /**
     * Which queue has which number. The specification (5.5.2) gives each a number of its own; Linux counts those only that
     * were agreed on. A number whose queue was not agreed on is taken for the next that was.
     */
    private Role role(int index) {
        long agreed = features;
        boolean stats = (agreed & STATS_VQ) != 0;
        boolean hint = (agreed & FREE_PAGE_HINT) != 0;
        boolean report = (agreed & PAGE_REPORTING) != 0;
        return switch (index) {
            case 0 -> Role.INFLATE;
            case 1 -> Role.DEFLATE;
            case 2 -> stats ? Role.STATISTICS : hint ? Role.HINTS : report ? Role.REPORTS : Role.NONE;
            case 3 -> hint ? Role.HINTS : report ? Role.REPORTS : Role.NONE;
            default -> report ? Role.REPORTS : Role.NONE;
        };
    }

    @Override
    public void process(QueueBatch batch) {
        switch (role(batch.queue())) {
            case INFLATE -> pages(batch, true);
            case DEFLATE -> pages(batch, false);
            case STATISTICS -> statistics.process(batch);
            case HINTS -> hints.process(batch);
            case REPORTS -> reports(batch);
            case NONE -> batch.fault("queue " + batch.queue() + " was not agreed on (5.5.2)");
        }
    }

    /** Arrays of page numbers, 32 bits each (5.5.6). */
    private void pages(QueueBatch batch, boolean inflate) {
        while (batch.next(chain)) {
            reader.reset(chain);
            if (chain.writableBytes() > 0 || reader.remaining() % 4 != 0) {
                batch.fault("an array of page numbers has " + reader.remaining() + " bytes to read and "
                        + chain.writableBytes() + " to write (5.5.6)");
                break;
            }
            // No list of pages is longer than the guest's memory, whatever a chain claims.
            for (long left = Math.min(reader.remaining() / 4, totalBytes / PAGE); left > 0; left--) {
                long gpa = reader.readLittleEndian(4) * PAGE;
                if (inflate) {
                    inflated.add(gpa, PAGE);
                }
            }
            batch.complete(chain, 0);
        }
        // Before the driver hears of it: then it may use the pages again.
        inflated.flush();
    }

    /** Buffers that are free pages themselves (5.5.6.7). */
    private void reports(QueueBatch batch) {
        boolean poisoned = (features & PAGE_POISON) != 0 && config.read(POISON_VAL, 4) != 0;
        while (batch.next(reportChain)) {
            if (reportChain.readableBytes() > 0) {
                batch.fault("a report of free pages has " + reportChain.readableBytes() + " bytes to read (5.5.6.7)");
                return;
            }
            // Pages come back as zeros, which a guest that expects its poison would take for corruption.
            for (int i = 0; !poisoned && i < reportChain.pieces(); i++) {
                reported.add(reportChain.guestAddress(i), reportChain.length(i));
            }
            reported.flush();
            batch.complete(reportChain, 0);
        }
    }

    @Override
    public void drain(QueueBatch batch) {
        if (role(batch.queue()) == Role.STATISTICS) {
            statistics.drain(batch);
        }
    }

    // --------------------------------------------------------------------------------------------------- state

    @Override
    public void reset() {
        features = 0;
        statistics.reset();
        hints.reset();
        // The driver's pages are its own again; a page that was given back comes as zeros (5.5.5).
        config.write(ACTUAL, 4, 0);
        config.write(POISON_VAL, 4, 0);
    }

    @Override
    public Class<BalloonState> stateType() {
        return BalloonState.class;
    }

    @Override
    public BalloonState save() {
        return new BalloonState(features, config.read(NUM_PAGES, 4), config.read(ACTUAL, 4),
                config.read(POISON_VAL, 4));
    }

    @Override
    public void restore(BalloonState state) {
        features = state.features();
        config.set(NUM_PAGES, 4, state.numPages());
        config.write(ACTUAL, 4, state.actual());
        config.write(POISON_VAL, 4, state.poison());
    }

    @Override
    public void close() {
        // The memory is its machine's.
    }

    @Override
    public String toString() {
        return name();
    }
}
