package dev.vz.virtio.gpu;

import dev.vz.display.Screen;
import dev.vz.display.Screen.Rectangle;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A graphics device with one display, without acceleration (virtio 1.3, 5.7). Pixels reach the screen on the queue's loop. */
public final class GpuDevice implements VirtioDevice<GpuState> {

    /** The device's type. */
    public static final int TYPE = 16;
    /** Pixels of a display's or picture's side at the most. */
    public static final int MOST_SIDE = 8192;
    /** Bytes of all pictures of a guest together. */
    public static final long MOST_BYTES = 256L << 20;

    static final long EDID = 1L << 1;

    static final int GET_DISPLAY_INFO = 0x100;
    static final int RESOURCE_CREATE_2D = 0x101;
    static final int RESOURCE_UNREF = 0x102;
    static final int SET_SCANOUT = 0x103;
    static final int RESOURCE_FLUSH = 0x104;
    static final int TRANSFER_TO_HOST_2D = 0x105;
    static final int RESOURCE_ATTACH_BACKING = 0x106;
    static final int RESOURCE_DETACH_BACKING = 0x107;
    static final int GET_EDID = 0x10A;
    static final int UPDATE_CURSOR = 0x300;
    static final int MOVE_CURSOR = 0x301;

    static final int OK_NODATA = 0x1100;
    static final int OK_DISPLAY_INFO = 0x1101;
    static final int OK_EDID = 0x1104;
    static final int ERR_UNSPEC = 0x1200;
    static final int ERR_OUT_OF_MEMORY = 0x1201;
    static final int ERR_INVALID_SCANOUT_ID = 0x1202;
    static final int ERR_INVALID_RESOURCE_ID = 0x1203;
    static final int ERR_INVALID_PARAMETER = 0x1205;

    private static final int HEADER = 24;
    private static final int FLAG_FENCE = 1;
    private static final int MOST_SCANOUTS = 16;
    private static final int MOST_RESOURCES = 1024;
    /** Pieces of memory behind all of a guest's pictures: pages of the most bytes, twice. */
    private static final int MOST_PIECES = 2 * Resource.MOST_PIECES;
    private static final int MOST_CURSOR = 256;
    private static final int EVENTS_READ = 0;
    private static final int EVENTS_CLEAR = 4;
    private static final int EVENT_DISPLAY = 1;
    private static final int QUEUE_SIZE = 256;

    private final GuestMemory memory;
    private final Screen screen;
    private final ConfigSpace config;
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainReader reader = new ChainReader(chain);
    private final ChainWriter writer = new ChainWriter(chain);
    private final ByteBuffer answer = ByteBuffer.allocate(HEADER + 1032).order(ByteOrder.LITTLE_ENDIAN);
    private final MemorySegment answerSegment = MemorySegment.ofArray(answer.array());
    /** Control and cursor queue may run on different loops. */
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<Integer, Resource> resources = new LinkedHashMap<>();
    private long bytes;
    /** Pieces of memory behind all pictures. */
    private int pieces;
    private @Nullable Resource shown;
    private Rectangle area = new Rectangle(0, 0, 0, 0);
    private volatile int width;
    private volatile int height;
    private volatile long features;

    /** A device that draws on {@code screen}, with a display of that size, 1 to {@link #MOST_SIDE} each way. */
    public GpuDevice(GuestMemory memory, Screen screen, int width, int height) {
        check(width, height);
        this.memory = memory;
        this.screen = screen;
        this.width = width;
        this.height = height;
        ByteBuffer content = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putInt(8, 1);
        config = new ConfigSpace(content.array());
        config.writable(EVENTS_CLEAR, 4, (offset, value) -> clearEvents(value));
    }

    private static void check(int width, int height) {
        if (width < 1 || width > MOST_SIDE || height < 1 || height > MOST_SIDE) {
            throw new ConfigurationException("A display has 1 to " + MOST_SIDE + " pixels each way, not " + width
                    + " by " + height);
        }
    }

    private void clearEvents(long bits) {
        long left = config.read(EVENTS_READ, 4) & ~bits;
        config.answer(EVENTS_READ, new byte[] {(byte) left, 0, 0, 0, 0, 0, 0, 0});
    }

    /** Offers the guest a display of another size, as when a window is resized. Any thread. */
    public void resize(int newWidth, int newHeight) {
        check(newWidth, newHeight);
        width = newWidth;
        height = newHeight;
        config.set(EVENTS_READ, 4, config.read(EVENTS_READ, 4) | EVENT_DISPLAY);
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-gpu";
    }

    @Override
    public long features() {
        return EDID;
    }

    @Override
    public boolean usesInOrder() {
        return true;
    }

    @Override
    public int queues() {
        return 2;
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

    // ------------------------------------------------------------------------------------------------- commands

    @Override
    public void process(QueueBatch batch) {
        lock.lock();
        try {
            while (batch.next(chain)) {
                reader.reset(chain);
                writer.reset(chain);
                if (reader.remaining() < HEADER) {
                    batch.fault("a graphics command has " + reader.remaining() + " bytes; at least 24 are needed"
                            + " (5.7.6.7)");
                    return;
                }
                execute();
                // The cursor queue's commands may come without room for an answer.
                writer.write(answerSegment, 0, Math.min(answer.position(), writer.remaining()));
                batch.complete(chain, (int) writer.written());
            }
        } finally {
            lock.unlock();
        }
    }

    private void execute() {
        int type = (int) reader.readLittleEndian(4);
        int flags = (int) reader.readLittleEndian(4);
        long fence = reader.readLittleEndian(8);
        int context = (int) reader.readLittleEndian(4);
        reader.skip(4);
        boolean fenced = (flags & FLAG_FENCE) != 0;
        answer.clear();
        answer.putInt(0).putInt(fenced ? FLAG_FENCE : 0).putLong(fenced ? fence : 0).putInt(fenced ? context : 0)
                .putInt(0);
        answer.putInt(0, command(type));
    }

    private int command(int type) {
        return switch (type) {
            case GET_DISPLAY_INFO -> displayInfo();
            case GET_EDID -> edid();
            case RESOURCE_CREATE_2D -> has(16) ? create() : ERR_INVALID_PARAMETER;
            case RESOURCE_UNREF -> has(8) ? unref(int32()) : ERR_INVALID_PARAMETER;
            case SET_SCANOUT -> has(24) ? setScanout() : ERR_INVALID_PARAMETER;
            case RESOURCE_FLUSH -> has(24) ? flush() : ERR_INVALID_PARAMETER;
            case TRANSFER_TO_HOST_2D -> has(32) ? transfer() : ERR_INVALID_PARAMETER;
            case RESOURCE_ATTACH_BACKING -> has(8) ? attach() : ERR_INVALID_PARAMETER;
            case RESOURCE_DETACH_BACKING -> has(8) ? detach() : ERR_INVALID_PARAMETER;
            case UPDATE_CURSOR -> has(32) ? updateCursor() : ERR_INVALID_PARAMETER;
            // Whoever shows the picture knows where its own pointer is.
            case MOVE_CURSOR -> has(32) ? OK_NODATA : ERR_INVALID_PARAMETER;
            default -> ERR_UNSPEC;
        };
    }

    private boolean has(int more) {
        return reader.remaining() >= more;
    }

    private int int32() {
        return (int) reader.readLittleEndian(4);
    }

    private int displayInfo() {
        for (int i = 0; i < MOST_SCANOUTS; i++) {
            answer.putInt(0).putInt(0).putInt(i == 0 ? width : 0).putInt(i == 0 ? height : 0).putInt(i == 0 ? 1 : 0)
                    .putInt(0);
        }
        return OK_DISPLAY_INFO;
    }

    private int edid() {
        if (!has(8) || (features & EDID) == 0) {
            return ERR_UNSPEC;
        }
        if (int32() != 0) {
            return ERR_INVALID_SCANOUT_ID;
        }
        byte[] description = Edid.of(width, height);
        answer.putInt(description.length).putInt(0).put(description);
        for (int i = description.length; i < 1024; i++) {
            answer.put((byte) 0);
        }
        return OK_EDID;
    }

    private int create() {
        int id = int32();
        int format = int32();
        int w = int32();
        int h = int32();
        if (id == 0 || resources.containsKey(id)) {
            return ERR_INVALID_RESOURCE_ID;
        }
        if (!Resource.isFormat(format) || w < 1 || w > MOST_SIDE || h < 1 || h > MOST_SIDE) {
            return ERR_INVALID_PARAMETER;
        }
        if (resources.size() == MOST_RESOURCES || bytes + Resource.bytes(w, h) > MOST_BYTES) {
            return ERR_OUT_OF_MEMORY;
        }
        try {
            resources.put(id, new Resource(id, format, w, h));
        } catch (OutOfMemoryError host) {
            // Within the guest's bounds, but the host has less.
            return ERR_OUT_OF_MEMORY;
        }
        bytes += Resource.bytes(w, h);
        return OK_NODATA;
    }

    private int unref(int id) {
        Resource gone = resources.remove(id);
        if (gone == null) {
            return ERR_INVALID_RESOURCE_ID;
        }
        bytes -= Resource.bytes(gone.width, gone.height);
        pieces -= gone.pieces();
        if (shown == gone) {
            shown = null;
        }
        return OK_NODATA;
    }

    private Rectangle rectangle() {
        return new Rectangle(int32(), int32(), int32(), int32());
    }

    private static boolean isInside(Rectangle r, Resource resource) {
        return r.x() >= 0 && r.y() >= 0 && r.width() >= 0 && r.height() >= 0 && r.width() <= resource.width
                && r.height() <= resource.height && r.x() <= resource.width - r.width()
                && r.y() <= resource.height - r.height();
    }

    private int setScanout() {
        Rectangle part = rectangle();
        if (int32() != 0) {
            return ERR_INVALID_SCANOUT_ID;
        }
        int id = int32();
        if (id == 0) {
            shown = null;
            return OK_NODATA;
        }
        Resource resource = resources.get(id);
        if (resource == null) {
            return ERR_INVALID_RESOURCE_ID;
        }
        if (!isInside(part, resource) || part.isEmpty()) {
            return ERR_INVALID_PARAMETER;
        }
        boolean sized = shown == null || part.width() != area.width() || part.height() != area.height();
        shown = resource;
        area = part;
        if (sized) {
            screen.resize(part.width(), part.height());
        }
        show(part);
        return OK_NODATA;
    }

    private int flush() {
        Rectangle part = rectangle();
        Resource resource = resources.get(int32());
        if (resource == null) {
            return ERR_INVALID_RESOURCE_ID;
        }
        if (!isInside(part, resource)) {
            return ERR_INVALID_PARAMETER;
        }
        if (resource == shown) {
            show(part);
        }
        return OK_NODATA;
    }

    private void show(Rectangle changed) {
        Resource picture = shown;
        if (picture == null) {
            return;
        }
        Rectangle damage = new Rectangle(changed.x() - area.x(), changed.y() - area.y(), changed.width(),
                changed.height()).within(area.width(), area.height());
        if (!damage.isEmpty()) {
            int stride = picture.width * Resource.PIXEL;
            long start = (long) area.y() * stride + (long) area.x() * Resource.PIXEL;
            long length = (long) (area.height() - 1) * stride + (long) area.width() * Resource.PIXEL;
            screen.update(picture.pixels.asSlice(start, length).asReadOnly(), stride, damage);
        }
    }

    private int transfer() {
        Rectangle part = rectangle();
        long offset = reader.readLittleEndian(8);
        Resource resource = resources.get(int32());
        if (resource == null) {
            return ERR_INVALID_RESOURCE_ID;
        }
        if (!isInside(part, resource) || offset < 0 || offset > MOST_BYTES) {
            return ERR_INVALID_PARAMETER;
        }
        return resource.transfer(memory, part, offset) ? OK_NODATA : ERR_INVALID_PARAMETER;
    }

    private int attach() {
        Resource resource = resources.get(int32());
        int count = int32();
        if (resource == null) {
            return ERR_INVALID_RESOURCE_ID;
        }
        if (count < 0 || count > Resource.MOST_PIECES || !has(16 * count)) {
            return ERR_INVALID_PARAMETER;
        }
        if (pieces - resource.pieces() + count > MOST_PIECES) {
            return ERR_OUT_OF_MEMORY;
        }
        var backing = new long[2 * count];
        for (int i = 0; i < count; i++) {
            backing[2 * i] = reader.readLittleEndian(8);
            backing[2 * i + 1] = reader.readLittleEndian(4);
            reader.skip(4);
        }
        attach(resource, backing);
        return OK_NODATA;
    }

    private void attach(Resource resource, long[] backing) {
        pieces -= resource.pieces();
        resource.attach(backing);
        pieces += resource.pieces();
    }

    private int detach() {
        Resource resource = resources.get(int32());
        if (resource == null) {
            return ERR_INVALID_RESOURCE_ID;
        }
        attach(resource, new long[0]);
        return OK_NODATA;
    }

    private int updateCursor() {
        if (int32() != 0) {
            return ERR_INVALID_SCANOUT_ID;
        }
        reader.skip(12);
        int id = int32();
        int hotX = int32();
        int hotY = int32();
        if (id == 0) {
            screen.cursor(null);
            return OK_NODATA;
        }
        Resource resource = resources.get(id);
        if (resource == null) {
            return ERR_INVALID_RESOURCE_ID;
        }
        if (resource.width > MOST_CURSOR || resource.height > MOST_CURSOR) {
            return ERR_INVALID_PARAMETER;
        }
        screen.cursor(resource.cursor(hotX, hotY));
        return OK_NODATA;
    }

    @Override
    public void drain(QueueBatch batch) {
        // A command is answered before the next one is taken.
    }

    // --------------------------------------------------------------------------------------------------- state

    @Override
    public void reset() {
        lock.lock();
        try {
            features = 0;
            resources.clear();
            bytes = 0;
            pieces = 0;
            shown = null;
            clearEvents(-1);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Class<GpuState> stateType() {
        return GpuState.class;
    }

    @Override
    public GpuState save() {
        lock.lock();
        try {
            List<GpuState.Resource> saved = new ArrayList<>();
            for (Resource r : resources.values()) {
                saved.add(new GpuState.Resource(r.id, r.format, r.width, r.height,
                        Arrays.stream(r.backing()).boxed().toList()));
            }
            return new GpuState(features, width, height, saved, shown == null ? 0 : shown.id,
                    List.of(area.x(), area.y(), area.width(), area.height()));
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void restore(GpuState state) {
        long needed = 0;
        long backed = 0;
        for (GpuState.Resource r : state.resources()) {
            backed += r.backing().size() / 2;
            if (!Resource.isFormat(r.format()) || r.width() < 1 || r.width() > MOST_SIDE || r.height() < 1
                    || r.height() > MOST_SIDE || r.backing().size() % 2 != 0 || hasNegativeLength(r.backing())) {
                throw new FormatException("The saved state of a graphics device has a picture that cannot be: " + r);
            }
            needed += Resource.bytes(r.width(), r.height());
        }
        if (needed > MOST_BYTES || backed > MOST_PIECES || state.area().size() != 4 || state.width() < 1
                || state.width() > MOST_SIDE
                || state.height() < 1 || state.height() > MOST_SIDE) {
            throw new FormatException("The saved state of a graphics device cannot be one: " + needed
                    + " bytes of pictures, display " + state.width() + " by " + state.height());
        }
        lock.lock();
        try {
            reset();
            features = state.features();
            width = state.width();
            height = state.height();
            bytes = needed;
            for (GpuState.Resource r : state.resources()) {
                var resource = new Resource(r.id(), r.format(), r.width(), r.height());
                attach(resource, r.backing().stream().mapToLong(Long::longValue).toArray());
                resource.transfer(memory, new Rectangle(0, 0, r.width(), r.height()), 0);
                resources.put(r.id(), resource);
            }
            restoreScanout(state);
        } finally {
            lock.unlock();
        }
    }

    private static boolean hasNegativeLength(List<Long> backing) {
        for (int i = 1; i < backing.size(); i += 2) {
            if (backing.get(i) < 0 || backing.get(i) > 0xFFFF_FFFFL) {
                return true;
            }
        }
        return false;
    }

    private void restoreScanout(GpuState state) {
        Resource resource = resources.get(state.scanout());
        Rectangle part = new Rectangle(state.area().get(0), state.area().get(1), state.area().get(2),
                state.area().get(3));
        if (resource != null && isInside(part, resource) && !part.isEmpty()) {
            shown = resource;
            area = part;
            screen.resize(part.width(), part.height());
            show(part);
        }
    }

    @Override
    public void close() {
        // The screen is whoever's shows it.
    }

    @Override
    public String toString() {
        return name();
    }
}
