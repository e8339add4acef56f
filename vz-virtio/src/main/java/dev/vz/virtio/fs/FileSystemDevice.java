package dev.vz.virtio.fs;

import dev.vz.error.ConfigurationException;
import dev.vz.error.VzException;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A folder that the guest mounts with {@code mount -t virtiofs TAG /mnt} (virtio 1.3, 5.11). Owns the folder.
 *
 * <p>
 * Requests wait for the host's file system on the queue's loop, so it should have a loop that no other device uses.
 */
public final class FileSystemDevice implements VirtioDevice<FileSystemState> {

    /** The device's type. */
    public static final int TYPE = 26;

    private static final Logger LOG = System.getLogger(FileSystemDevice.class.getName());
    private static final int TAG_BYTES = 36;
    private static final int QUEUE_SIZE = 256;

    private final String tag;
    private final ConfigSpace config;
    private final FuseSession session;
    /** The two queues may have loops of their own; requests are done one after the other. */
    private final ReentrantLock lock = new ReentrantLock();
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainReader reader = new ChainReader(chain);
    private final ChainWriter writer = new ChainWriter(chain);
    private final ChainWriter data = new ChainWriter(chain);
    private final FuseReader in = new FuseReader(reader);
    private volatile long features;

    /** {@code folder} under the name {@code tag}: 1 to 36 bytes. */
    public FileSystemDevice(String tag, SharedFolder folder) {
        byte[] bytes = tag.getBytes(StandardCharsets.UTF_8);
        if (bytes.length < 1 || bytes.length > TAG_BYTES) {
            throw new ConfigurationException("A shared folder's tag has 1 to " + TAG_BYTES + " bytes, not \"" + tag
                    + "\"");
        }
        this.tag = tag;
        ByteBuffer content = ByteBuffer.allocate(TAG_BYTES + 4).order(ByteOrder.LITTLE_ENDIAN);
        content.put(bytes).putInt(TAG_BYTES, 1);
        config = new ConfigSpace(content.array());
        session = new FuseSession(folder);
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-fs";
    }

    @Override
    public long features() {
        return 0;
    }

    @Override
    public boolean usesInOrder() {
        return true;
    }

    /** One for urgent requests, one for the others. */
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

    @Override
    public void process(QueueBatch batch) {
        lock.lock();
        try {
            while (batch.next(chain)) {
                reader.reset(chain);
                writer.reset(chain);
                data.reset(chain);
                if (!session.handle(in, reader, writer, data)) {
                    batch.fault("a request has " + chain.readableBytes() + " bytes to read and "
                            + chain.writableBytes() + " to write, too few for its answer (5.11.6)");
                    return;
                }
                batch.complete(chain, (int) Math.min(Integer.MAX_VALUE, writer.written()));
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void drain(QueueBatch batch) {
        // A request is answered before the next one is taken.
    }

    @Override
    public void reset() {
        lock.lock();
        try {
            features = 0;
            session.clear();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Class<FileSystemState> stateType() {
        return FileSystemState.class;
    }

    @Override
    public FileSystemState save() {
        lock.lock();
        try {
            List<FileSystemState.SavedNode> nodes = new ArrayList<>();
            session.nodes().all().stream().filter(node -> node.parent() != null)
                    .sorted(Comparator.comparingInt(FileSystemDevice::depth)).forEach(node -> {
                        Node parent = node.parent();
                        nodes.add(new FileSystemState.SavedNode(node.id(), parent == null ? 0 : parent.id(),
                                node.name(), node.lookups, session.nodes().isLinked(node)));
                    });
            List<FileSystemState.SavedHandle> handles = new ArrayList<>();
            session.handles().all().forEach((id, handle) -> handles.add(new FileSystemState.SavedHandle(id,
                    handle.node.id(), handle.read, handle.write, handle.file != null)));
            return new FileSystemState(features, nodes, handles);
        } finally {
            lock.unlock();
        }
    }

    private static int depth(Node node) {
        int depth = 0;
        for (Node at = node.parent(); at != null; at = at.parent()) {
            depth++;
        }
        return depth;
    }

    @Override
    public void restore(FileSystemState state) {
        lock.lock();
        try {
            session.clear();
            features = state.features();
            for (FileSystemState.SavedNode node : state.nodes()) {
                session.nodes().restore(node.id(), node.parent(), node.name(), node.lookups(), node.linked());
            }
            for (FileSystemState.SavedHandle handle : state.handles()) {
                open(handle);
            }
        } finally {
            lock.unlock();
        }
    }

    private void open(FileSystemState.SavedHandle saved) {
        try {
            Node node = session.nodes().require(saved.node());
            Node parent = node.parent();
            OpenFile file = null;
            if (saved.file() && parent != null) {
                file = session.folder().open(parent, node.name(), saved.read(), saved.write(), false);
            }
            session.handles().restore(saved.id(), new HandleTable.Handle(node, saved.read(), saved.write(), file));
        } catch (IOException | VzException gone) {
            LOG.log(Level.WARNING, "A file that the guest had open in the shared folder {0} is gone: {1}", tag,
                    gone.getMessage());
        }
    }

    @Override
    public void close() {
        session.close();
    }

    @Override
    public String toString() {
        return name() + " \"" + tag + "\"";
    }
}
