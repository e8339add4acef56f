package dev.vz.virtio.scsi;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.disk.DiskRequest;
import dev.vz.virtio.disk.RequestPool;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The SCSI host adapter (virtio 1.3, 5.6): each of its disks is logical unit 0 of a target of its own. It owns them.
 *
 * <p>
 * Data goes between guest memory and the host's disk without a copy. What was handed to the host's disk cannot be taken back,
 * so task management that ends commands is answered when they have come back; events are not offered, and buffers for them
 * stay where they are.
 */
public final class ScsiHost implements VirtioDevice<ScsiState> {

    /** The device's type. */
    public static final int TYPE = 8;

    static final int CONTROL_QUEUE = 0;
    static final int FIRST_REQUEST_QUEUE = 2;

    /** Control requests (5.6.6.2). */
    static final int T_TMF = 0;
    static final int T_AN_QUERY = 1;
    static final int T_AN_SUBSCRIBE = 2;

    /** Offsets in the configuration space (5.6.4). */
    static final int SENSE_SIZE = 20;
    static final int CDB_SIZE = 24;
    private static final int CONFIG_BYTES = 36;
    private static final int DEFAULT_SENSE = 96;
    private static final int DEFAULT_CDB = 32;
    private static final int LARGEST = 256;

    private static final int MOST_QUEUES = 64;
    private static final int MOST_TARGETS = 256;
    private static final int QUEUE_SIZE = 128;
    private static final int MOST_SEGMENTS = QUEUE_SIZE - 2;
    /** lun, id, task_attr, prio and crn before the command. */
    private static final int REQUEST = 19;
    /** sense_len, residual, status_qualifier, status and response before the sense data. */
    private static final int RESPONSE = 12;
    private static final int CHECK_CONDITION = 2;

    private final List<ScsiDisk> targets;
    private final ConfigSpace config;
    private final List<RequestPool<ScsiCommand>> pools;
    private final TaskManagement tasks = new TaskManagement();
    private TaskManagement.Request control = new TaskManagement.Request();
    private volatile int senseSize = DEFAULT_SENSE;
    private volatile int cdbSize = DEFAULT_CDB;

    /** An adapter with one request queue; target {@code n} is disk {@code n}. */
    public ScsiHost(List<ScsiDisk> disks) {
        this(disks, 1);
    }

    /** The same with {@code queues} request queues, 1 to 64. */
    public ScsiHost(List<ScsiDisk> disks, int queues) {
        if (disks.isEmpty() || disks.size() > MOST_TARGETS || queues < 1 || queues > MOST_QUEUES) {
            throw new ConfigurationException("A SCSI adapter has 1 to " + MOST_TARGETS + " disks and 1 to "
                    + MOST_QUEUES + " queues, not " + disks.size() + " and " + queues);
        }
        this.targets = List.copyOf(disks);
        int sectors = disks.stream().mapToInt(ScsiDisk::mostSectors).min().orElse(0);
        ByteBuffer bytes = ByteBuffer.allocate(CONFIG_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(0, queues).putInt(4, MOST_SEGMENTS).putInt(8, Math.min(sectors, 0xFFFF)).putInt(12, QUEUE_SIZE);
        bytes.putInt(16, 16).putInt(SENSE_SIZE, DEFAULT_SENSE).putInt(CDB_SIZE, DEFAULT_CDB);
        bytes.putShort(30, (short) (disks.size() - 1));
        this.config = new ConfigSpace(bytes.array())
                .writable(SENSE_SIZE, 4, (offset, value) -> senseSize = size(value, senseSize, 0, SENSE_SIZE))
                .writable(CDB_SIZE, 4, (offset, value) -> cdbSize = size(value, cdbSize, ScsiCommand.CDB, CDB_SIZE));
        this.pools = Stream.generate(() -> new RequestPool<>(QUEUE_SIZE, ScsiCommand::new)).limit(queues).toList();
    }

    /** The size that the driver wants, or the one from before if that cannot be. */
    private int size(long wanted, int before, int least, int offset) {
        if (wanted >= least && wanted <= LARGEST) {
            return (int) wanted;
        }
        config.answer(offset, ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(before).array());
        return before;
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-scsi";
    }

    @Override
    public long features() {
        return 0;
    }

    @Override
    public int queues() {
        return FIRST_REQUEST_QUEUE + pools.size();
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
    public void negotiated(long features) {
        // Nothing to agree on.
    }

    // ------------------------------------------------------------------------------------------------- requests

    @Override
    public void process(QueueBatch batch) {
        if (batch.queue() == CONTROL_QUEUE) {
            control(batch);
        } else if (batch.queue() >= FIRST_REQUEST_QUEUE) {
            requests(batch, pools.get(batch.queue() - FIRST_REQUEST_QUEUE));
        }
    }

    private void requests(QueueBatch batch, RequestPool<ScsiCommand> pool) {
        tasks.shown(batch.queue());
        giveBack(batch, pool);
        for (ScsiCommand command = pool.take(batch); command != null; command = pool.take(batch)) {
            if (!batch.next(command.chain)) {
                pool.giveBack(command);
                break;
            }
            String fault = begin(batch, pool, command);
            if (fault != null) {
                pool.giveBack(command);
                batch.fault(fault);
                break;
            }
        }
        // Disks that complete at once have by now, and their requests go into this batch.
        giveBack(batch, pool);
    }

    private void giveBack(QueueBatch batch, RequestPool<ScsiCommand> pool) {
        for (ScsiCommand done = pool.completed(); done != null; done = pool.completed()) {
            tasks.ends(batch, done);
            if (done.ended != 0) {
                done.response = done.ended;
                done.moved = 0;
                done.dataBytes = 0;
            } else if (done.status != DiskRequest.OK) {
                done.sense = ScsiDisk.failure(done);
                done.moved = 0;
                done.dataBytes = 0;
            }
            finish(batch, done);
            pool.giveBack(done);
        }
    }

    /** Starts a command; what the driver did wrong, if there is not even a place for a response. */
    private @Nullable String begin(QueueBatch batch, RequestPool<ScsiCommand> pool, ScsiCommand command) {
        int header = REQUEST + cdbSize;
        int response = RESPONSE + senseSize;
        ChainReader reader = command.reader;
        reader.reset(command.chain);
        if (command.chain.readableBytes() < header || command.chain.writableBytes() < response) {
            return "a SCSI request has " + command.chain.readableBytes() + " bytes to read and "
                    + command.chain.writableBytes() + " to write; at least " + header + " and " + response
                    + " are needed (5.6.6.1)";
        }
        long lun = Long.reverseBytes(reader.readLittleEndian(8));
        command.lun = lun;
        command.tag = reader.readLittleEndian(8);
        reader.skip(REQUEST - 16);
        for (int i = 0; i < ScsiCommand.CDB; i++) {
            command.cdb[i] = (byte) reader.readByte();
        }
        reader.skip(cdbSize - ScsiCommand.CDB);
        command.clear(reader.remaining(), command.chain.writableBytes() - response);
        ScsiDisk disk = target(lun);
        if (disk == null) {
            command.response = ScsiCommand.S_BAD_TARGET;
        } else if (unit(lun) != 0) {
            ScsiDisk.absent(command);
        } else if (disk.begin(command)) {
            if (command.dataBytes > 0) {
                command.addWritable(response, command.dataBytes);
            }
            tasks.begins(command);
            pool.submitting();
            disk.disk().submit(command.request);
            return null;
        }
        finish(batch, command);
        pool.giveBack(command);
        return null;
    }

    /** The first byte is 1, the second the target, then comes a logical unit as SAM-5 has it (5.6.6.1). */
    private @Nullable ScsiDisk target(long lun) {
        int target = (int) (lun >>> 48) & 0xFF;
        return lun >>> 56 == 1 && target < targets.size() ? targets.get(target) : null;
    }

    static int unit(long lun) {
        return (int) (lun >>> 32) & 0x3FFF;
    }

    private void finish(QueueBatch batch, ScsiCommand command) {
        boolean failed = command.sense != Sense.NONE;
        int sense = senseSize;
        ChainWriter writer = command.writer;
        writer.reset(command.chain);
        writer.writeLittleEndian(4, failed ? Math.min(sense, Sense.BYTES) : 0);
        writer.writeLittleEndian(4, Math.max(0, Math.max(command.dataOut, command.dataIn) - command.moved));
        writer.writeLittleEndian(2, 0);
        writer.writeByte(failed ? CHECK_CONDITION : 0);
        writer.writeByte(command.response);
        for (int i = 0; i < sense; i++) {
            writer.writeByte(failed ? command.sense.at(i) : 0);
        }
        for (byte each : command.reply) {
            writer.writeByte(each);
        }
        // Written through the pieces' own segments; this notes it.
        writer.advance(command.dataBytes);
        batch.complete(command.chain, (int) Math.min(Integer.MAX_VALUE, writer.written()));
    }

    // -------------------------------------------------------------------------------------------------- control

    private void control(QueueBatch batch) {
        tasks.answer(batch, false);
        while (batch.next(control.chain)) {
            DescriptorChain chain = control.chain;
            ChainReader reader = control.reader;
            ChainWriter writer = control.writer;
            reader.reset(chain);
            writer.reset(chain);
            int type = chain.readableBytes() < 4 ? -1 : (int) reader.readLittleEndian(4);
            boolean asynchronous = type == T_AN_QUERY || type == T_AN_SUBSCRIBE;
            int needed = type == T_TMF ? 24 : asynchronous ? 16 : 4;
            int answer = type == T_TMF ? 1 : asynchronous ? 5 : 0;
            if (type == -1 || chain.readableBytes() < needed || chain.writableBytes() < answer) {
                batch.fault("a control request of type " + type + " has " + chain.readableBytes()
                        + " bytes to read and " + chain.writableBytes() + " to write (5.6.6.2)");
                return;
            }
            if (type == T_TMF) {
                int subtype = (int) reader.readLittleEndian(4);
                long lun = Long.reverseBytes(reader.readLittleEndian(8));
                long tag = reader.readLittleEndian(8);
                int response = target(lun) == null ? ScsiCommand.S_BAD_TARGET
                        : tasks.manage(batch, control, subtype, lun, tag);
                if (response < 0) {
                    control = new TaskManagement.Request();
                    continue;
                }
                writer.writeByte(response);
            } else if (asynchronous) {
                // event_actual: none of the events is reported here.
                writer.writeLittleEndian(4, 0);
                writer.writeByte(ScsiCommand.S_OK);
            }
            batch.complete(chain, answer);
        }
    }

    @Override
    public void drain(QueueBatch batch) {
        if (batch.queue() == CONTROL_QUEUE) {
            tasks.answer(batch, true);
        } else if (batch.queue() >= FIRST_REQUEST_QUEUE) {
            RequestPool<ScsiCommand> pool = pools.get(batch.queue() - FIRST_REQUEST_QUEUE);
            pool.awaitQuiet();
            giveBack(batch, pool);
            tasks.shown(batch.queue());
        }
    }

    // --------------------------------------------------------------------------------------------------- state

    @Override
    public void reset() {
        config.write(SENSE_SIZE, 4, DEFAULT_SENSE);
        config.write(CDB_SIZE, 4, DEFAULT_CDB);
    }

    @Override
    public Class<ScsiState> stateType() {
        return ScsiState.class;
    }

    @Override
    public ScsiState save() {
        return new ScsiState(senseSize, cdbSize);
    }

    @Override
    public void restore(ScsiState state) {
        if (state.senseSize() < 0 || state.senseSize() > LARGEST || state.cdbSize() < ScsiCommand.CDB
                || state.cdbSize() > LARGEST) {
            throw new FormatException("Cannot restore the SCSI adapter: sizes are up to " + LARGEST + ", got " + state);
        }
        config.write(SENSE_SIZE, 4, state.senseSize());
        config.write(CDB_SIZE, 4, state.cdbSize());
    }

    @Override
    public void close() {
        targets.forEach(ScsiDisk::close);
    }

    @Override
    public String toString() {
        return name();
    }
}
