package dev.vz.virtio.scsi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueKind;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The SCSI adapter (virtio 1.3, 5.6) and its disks (SPC-4, SBC-3), driven command by command. */
@Timeout(120)
class ScsiHostTest {

    private static final long REQUEST = 0x2000;
    private static final long RESPONSE = 0x3000;
    private static final long DATA = 0x10000;
    private static final int SIZE = 1 << 20;
    private static final int CHECK_CONDITION = 2;

    /** Notes what is asked of it and fails where it is told to. */
    private static final class NotingDisk implements BlockDevice {
        private final MemorySegment bytes = MemorySegment.ofArray(new byte[SIZE]);
        private final BlockDevice disk;
        private final List<String> asked = new ArrayList<>();
        private final List<BlockRequest> held = new ArrayList<>();
        private boolean broken;
        private boolean holds;

        NotingDisk(boolean readOnly) {
            disk = MemoryBlockDevice.over(readOnly ? bytes.asReadOnly() : bytes);
        }

        @Override
        public BlockInfo info() {
            return disk.info();
        }

        @Override
        public void submit(BlockRequest request) {
            asked.add(request + (request.has(BlockRequest.FUA) && request.operation() == Operation.WRITE ? " fua" : "")
                    + (request.has(BlockRequest.MAY_UNMAP) && request.operation() == Operation.WRITE_ZEROES ? " unmap"
                            : ""));
            if (holds) {
                held.add(request);
            } else if (broken) {
                request.complete(BlockResult.IO_ERROR);
            } else {
                disk.submit(request);
            }
        }

        void letGo(int index) {
            disk.submit(held.remove(index));
        }

        @Override
        public void close() {
            disk.close();
        }
    }

    /** A driver of an adapter with one disk. */
    private static final class Adapter implements AutoCloseable {
        final NotingDisk disk;
        final ScsiHost host;
        final TestDriver driver;
        QueueDriver queue;

        Adapter(QueueKind kind) {
            this(kind, false);
        }

        Adapter(QueueKind kind, boolean readOnly) {
            disk = new NotingDisk(readOnly);
            host = new ScsiHost(List.of(new ScsiDisk(disk, "serial")));
            driver = new TestDriver(host, kind.features);
            driver.negotiate(driver.ringFeatures());
            queue = driver.enable(2, 16);
            driver.driverOk();
        }

        /** Sends a command to {@code lun}; the response is at RESPONSE, data at DATA. */
        int send(String lun, String cdb, int out, int in) {
            driver.memory.fill(REQUEST, 51, (byte) 0);
            driver.memory.write(REQUEST, HexFormat.of().parseHex(lun));
            driver.memory.write(REQUEST + 19, HexFormat.of().parseHex(cdb.replace(" ", "")));
            driver.memory.fill(RESPONSE, 108, (byte) 0x55);
            var buffers = new ArrayList<Buffer>(List.of(Buffer.readable(REQUEST, 51)));
            if (out > 0) {
                buffers.add(Buffer.readable(DATA, out));
            }
            buffers.add(Buffer.writable(RESPONSE, 108));
            if (in > 0) {
                // In two pieces, as a driver's pages may lie.
                buffers.add(Buffer.writable(DATA, in - in / 2));
                if (in > 1) {
                    buffers.add(Buffer.writable(DATA + in - in / 2, in / 2));
                }
            }
            driver.submit(2, queue, buffers.toArray(Buffer[]::new));
            return queue.complete().orElseThrow().written();
        }

        /** Sets the device up anew, with a control queue, too. */
        QueueDriver control() {
            driver.host.writeStatus(0);
            driver.negotiate(driver.ringFeatures());
            QueueDriver control = driver.enable(0, 16);
            queue = driver.enable(2, 16);
            driver.driverOk();
            return control;
        }

        void tmf(QueueDriver control, int subtype, String lun, long tag) {
            driver.memory.writeInt(REQUEST, 0);
            driver.memory.writeInt(REQUEST + 4, subtype);
            driver.memory.write(REQUEST + 8, HexFormat.of().parseHex(lun));
            driver.memory.writeLong(REQUEST + 16, tag);
            driver.memory.writeByte(RESPONSE, (byte) 0x55);
            driver.submit(0, control, Buffer.readable(REQUEST, 24), Buffer.writable(RESPONSE, 1));
        }

        /** Asks for task management that is answered at once; the response. */
        int manage(QueueDriver control, int subtype, String lun, long tag) {
            tmf(control, subtype, lun, tag);
            assertThat(control.complete().orElseThrow().written()).isEqualTo(1);
            return driver.memory.readByte(RESPONSE);
        }

        /** Reads a sector with a request at {@code at} and a response 256 bytes behind it, which it does not wait for. */
        void read(long tag, long at) {
            driver.memory.fill(at, 0x400, (byte) 0);
            driver.memory.write(at, HexFormat.of().parseHex("0100400000000000"));
            driver.memory.writeLong(at + 8, tag);
            driver.memory.write(at + 19, HexFormat.of().parseHex("28000000000000000100"));
            driver.submit(2, queue, Buffer.readable(at, 51), Buffer.writable(at + 0x100, 108),
                    Buffer.writable(at + 0x200, 512));
        }

        int send(String cdb, int out, int in) {
            return send("0100400000000000", cdb, out, in);
        }

        void good(String cdb, int out, int in, int residual) {
            send(cdb, out, in);
            assertThat(status()).as("%s: %s", cdb, sense()).isZero();
            assertThat(response()).isZero();
            assertThat(residual()).as("residual of %s", cdb).isEqualTo(residual);
        }

        void fails(String cdb, int out, int in, String sense) {
            send(cdb, out, in);
            assertThat(status()).as(cdb).isEqualTo(CHECK_CONDITION);
            assertThat(sense()).as(cdb).isEqualTo(sense);
            assertThat(driver.memory.readInt(RESPONSE)).as("sense_len").isEqualTo(18);
        }

        int status() {
            return driver.memory.readByte(RESPONSE + 10);
        }

        int response() {
            return driver.memory.readByte(RESPONSE + 11);
        }

        int residual() {
            return driver.memory.readInt(RESPONSE + 4);
        }

        /** Key, code and qualifier. */
        String sense() {
            return String.format("%x/%02x/%02x", driver.memory.readByte(RESPONSE + 14),
                    driver.memory.readByte(RESPONSE + 24), driver.memory.readByte(RESPONSE + 25));
        }

        ByteBuffer data(int length) {
            return ByteBuffer.wrap(driver.memory.read(DATA, length));
        }

        @Override
        public void close() {
            driver.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void dataIsWrittenAndReadByCommandsOfEveryLength(QueueKind kind) {
        String[] writes = {"0A 00 00 08 02 00", "2A 00 00000008 00 0002 00", "AA 00 00000008 00000002 00 00",
            "8A 00 0000000000000008 00000002 00 00"};
        String[] reads = {"08 00 00 08 02 00", "28 00 00000008 00 0002 00", "A8 00 00000008 00000002 00 00",
            "88 00 0000000000000008 00000002 00 00"};
        try (var adapter = new Adapter(kind)) {
            for (int i = 0; i < writes.length; i++) {
                adapter.driver.memory.fill(DATA, 1024, (byte) (i + 1));
                adapter.good(writes[i], 1024, 0, 0);
                adapter.driver.memory.fill(DATA, 1024, (byte) 0);
                adapter.good(reads[i], 0, 1024, 0);
                assertThat(adapter.data(1024).array()).containsOnly(i + 1);
                assertThat(adapter.data(1024).array()).hasSize(1024);
            }
            assertThat(adapter.disk.asked).contains("WRITE [4096, +1024)", "READ [4096, +1024)").hasSize(8);
            adapter.good("2A 08 00000000 00 0001 00", 512, 0, 0);
            assertThat(adapter.disk.asked.getLast()).isEqualTo("WRITE [0, +512) fua");
            adapter.good("35 00 00000000 00 0000 00", 0, 0, 0);
            assertThat(adapter.disk.asked.getLast()).startsWith("FLUSH");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDriverThatGivesMoreRoomLearnsTheResidualAndOneThatGivesLessAnOverrun(QueueKind kind) {
        try (var adapter = new Adapter(kind)) {
            adapter.good("28 00 00000000 00 0001 00", 0, 2048, 1536);
            adapter.good("2A 00 00000000 00 0001 00", 2048, 0, 1536);
            adapter.good("28 00 00000000 00 0000 00", 0, 0, 0);
            int asked = adapter.disk.asked.size();
            adapter.send("28 00 00000000 00 0002 00", 0, 512);
            assertThat(adapter.response()).isEqualTo(ScsiCommand.S_OVERRUN);
            adapter.send("2A 00 00000000 00 0002 00", 512, 0);
            assertThat(adapter.response()).isEqualTo(ScsiCommand.S_OVERRUN);
            assertThat(adapter.disk.asked).hasSize(asked);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDiskSaysWhatItIs(QueueKind kind) {
        try (var adapter = new Adapter(kind)) {
            adapter.good("00 00 00 00 00 00", 0, 0, 0);
            adapter.good("12 00 00 0024 00", 0, 36, 0);
            assertThat(adapter.data(36).get(0)).as("a disk").isZero();
            assertThat(new String(adapter.data(36).array(), 8, 24, StandardCharsets.US_ASCII))
                    .isEqualTo("Vz      Virtual disk    ");
            adapter.good("12 01 80 00FF 00", 0, 255, 255 - 10);
            assertThat(new String(adapter.data(10).array(), 4, 6, StandardCharsets.US_ASCII))
                    .isEqualTo("serial");
            adapter.good("12 01 00 0005 00", 0, 64, 59);
            for (String page : List.of("83", "B0", "B1", "B2")) {
                adapter.send("12 01 " + page + " 00FF 00", 0, 255);
                assertThat(adapter.status()).isZero();
                assertThat(adapter.data(2).get(1)).isEqualTo((byte) Integer.parseInt(page, 16));
                assertThat(adapter.data(4).getShort(2)).as("page length").isEqualTo(
                        (short) (255 - adapter.residual() - 4));
            }
            adapter.good("25 00 00000000 00 0000 00", 0, 8, 0);
            assertThat(adapter.data(8).getInt(0)).isEqualTo(SIZE / 512 - 1);
            assertThat(adapter.data(8).getInt(4)).isEqualTo(512);
            adapter.good("9E 10 0000000000000000 00000020 00 00", 0, 32, 0);
            assertThat(adapter.data(32).getLong(0)).isEqualTo(SIZE / 512 - 1);
            assertThat(adapter.data(32).get(13)).as("4096 bytes are 2^3 blocks").isEqualTo((byte) 3);
            assertThat(adapter.data(32).get(14)).as("LBPME").isEqualTo((byte) 0x80);
            adapter.good("A0 00 00 000000 00000010 00 00", 0, 16, 0);
            assertThat(adapter.data(16).getInt(0)).isEqualTo(8);
            adapter.good("1A 00 08 00 FF 00", 0, 255, 255 - 24);
            assertThat(adapter.data(24).get(4)).as("the caching page").isEqualTo((byte) 8);
            assertThat(adapter.data(24).get(6)).as("WCE").isEqualTo((byte) 4);
            adapter.good("5A 00 3F 00 000000 00FF 00", 0, 255, 255 - 28);
            assertThat(adapter.data(28).getShort(0)).isEqualTo((short) 26);
            adapter.good("03 00 00 00 12 00", 0, 18, 0);
            assertThat(adapter.data(18).get(0)).isEqualTo((byte) 0x70);
        }
    }

    @ParameterizedTest
    @EnumSource
    void zerosAndUnmapsReachTheHost(QueueKind kind) {
        try (var adapter = new Adapter(kind)) {
            adapter.driver.memory.fill(DATA, 512, (byte) 0);
            adapter.good("93 08 0000000000000010 00000020 00 00", 512, 0, 0);
            assertThat(adapter.disk.asked.getLast()).isEqualTo("WRITE_ZEROES [8192, +16384) unmap");
            adapter.good("41 00 00000010 00 0008 00", 512, 0, 0);
            assertThat(adapter.disk.asked.getLast()).isEqualTo("WRITE_ZEROES [8192, +4096)");
            adapter.driver.memory.writeByte(DATA + 511, (byte) 1);
            adapter.fails("41 00 00000010 00 0008 00", 512, 0, "5/26/00");
            adapter.driver.memory.write(DATA,
                    HexFormat.of().parseHex("00160010" + "00000000" + "0000000000000008" + "00000010" + "00000000"));
            adapter.good("42 00 00000000 00 0018 00", 24, 0, 0);
            assertThat(adapter.disk.asked.getLast()).isEqualTo("DISCARD [4096, +8192)");
            adapter.good("42 00 00000000 00 0000 00", 0, 0, 0);
            adapter.fails("42 00 00000000 00 0004 00", 24, 0, "5/1a/00");
            adapter.fails("42 00 00000000 00 0030 00", 24, 0, "5/1a/00");
            adapter.driver.memory.writeByte(DATA + 3, (byte) 0x20);
            adapter.fails("42 00 00000000 00 0018 00", 24, 0, "5/26/00");
            adapter.driver.memory.writeByte(DATA + 3, (byte) 0x10);
            adapter.driver.memory.writeByte(DATA + 8, (byte) 0x80);
            adapter.fails("42 00 00000000 00 0018 00", 24, 0, "5/21/00");
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyErrorHasItsSenseData(QueueKind kind) {
        try (var adapter = new Adapter(kind)) {
            adapter.fails("FF 00 00 00 00 00", 0, 0, "5/20/00");
            adapter.fails("28 00 00000800 00 0001 00", 0, 512, "5/21/00");
            adapter.fails("28 00 000007FF 00 0002 00", 0, 1024, "5/21/00");
            adapter.fails("88 00 FFFFFFFFFFFFFFFF 00000001 00 00", 0, 512, "5/21/00");
            adapter.fails("8A 00 7FFFFFFFFFFFFFFF 00000001 00 00", 512, 0, "5/21/00");
            adapter.fails("88 00 0000000000000000 FFFFFFFF 00 00", 0, 512, "5/24/00");
            adapter.fails("28 20 00000000 00 0001 00", 0, 512, "5/24/00");
            adapter.fails("12 01 99 00FF 00", 0, 255, "5/24/00");
            adapter.fails("12 00 80 00FF 00", 0, 255, "5/24/00");
            adapter.fails("1A 00 1C 00 FF 00", 0, 255, "5/24/00");
            adapter.fails("1A 00 C8 00 FF 00", 0, 255, "5/24/00");
            adapter.fails("9E 12 0000000000000000 00000020 00 00", 0, 32, "5/24/00");
            adapter.fails("93 00 00000000000007FF 00000002 00 00", 512, 0, "5/21/00");
            adapter.fails("93 00 8000000000000000 00000000 00 00", 512, 0, "5/21/00");
            assertThat(adapter.disk.asked).isEmpty();
            adapter.disk.broken = true;
            adapter.fails("28 00 00000000 00 0001 00", 0, 512, "3/11/00");
            adapter.fails("2A 00 00000000 00 0001 00", 512, 0, "3/0c/00");
            adapter.fails("35 00 00000000 00 0000 00", 0, 0, "3/0c/00");
            assertThat(adapter.driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        }
    }

    @Test
    void aReadOnlyDiskSaysSoAndIsNotWritten() {
        try (var adapter = new Adapter(QueueKind.SPLIT, true)) {
            adapter.send("1A 00 3F 00 FF 00", 0, 255);
            assertThat(adapter.data(4).get(2) & 0x80).as("WP").isNotZero();
            for (String cdb : List.of("2A 00 00000000 00 0001 00", "41 00 00000010 00 0008 00",
                    "42 00 00000000 00 0018 00")) {
                adapter.fails(cdb, 512, 0, "7/27/00");
            }
            adapter.good("28 00 00000000 00 0001 00", 0, 512, 0);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsNotThereSaysSo(QueueKind kind) {
        try (var adapter = new Adapter(kind)) {
            for (String lun : List.of("0101400000000000", "0000400000000000", "C100400000000000")) {
                adapter.send(lun, "12 00 00 0024 00", 0, 36);
                assertThat(adapter.response()).as(lun).isEqualTo(ScsiCommand.S_BAD_TARGET);
            }
            String other = "0100400100000000";
            adapter.send(other, "12 00 00 0024 00", 0, 36);
            assertThat(adapter.data(1).get(0)).isEqualTo((byte) 0x7F);
            adapter.send(other, "A0 00 00 000000 00000010 00 00", 0, 16);
            assertThat(adapter.status()).isZero();
            adapter.send(other, "00 00 00 00 00 00", 0, 0);
            assertThat(adapter.sense()).isEqualTo("5/25/00");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRequestWithoutRoomForItsResponseNeedsAReset(QueueKind kind) {
        for (Buffer[] wrong : new Buffer[][] {{Buffer.readable(REQUEST, 51)},
            {Buffer.readable(REQUEST, 50), Buffer.writable(RESPONSE, 108)},
            {Buffer.readable(REQUEST, 51), Buffer.writable(RESPONSE, 107)}}) {
            try (var adapter = new Adapter(kind)) {
                adapter.driver.submit(2, adapter.queue, wrong);
                assertThat(adapter.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void eventsAreNoneAndUnknownFunctionsAreRejected(QueueKind kind) {
        try (var adapter = new Adapter(kind)) {
            QueueDriver control = adapter.control();
            for (int subtype : new int[] {2, 8, -1}) {
                assertThat(adapter.manage(control, subtype, "0100400000000000", 1)).as("subtype %d", subtype)
                        .isEqualTo(11);
            }
            adapter.driver.memory.writeInt(REQUEST, 2);
            adapter.driver.submit(0, control, Buffer.readable(REQUEST, 16), Buffer.writable(RESPONSE, 5));
            assertThat(adapter.driver.memory.readInt(RESPONSE)).isZero();
            assertThat(control.complete().orElseThrow().written()).isEqualTo(5);
            adapter.driver.submit(0, control, Buffer.readable(REQUEST, 16), Buffer.writable(RESPONSE, 4));
            assertThat(adapter.driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void taskManagementOfWhatIsNotThereIsCompleteOrSaysSo(QueueKind kind) {
        try (var adapter = new Adapter(kind)) {
            QueueDriver control = adapter.control();
            for (int subtype : new int[] {0, 1, 3, 4, 5, 6, 7}) {
                assertThat(adapter.manage(control, subtype, "0100400000000000", 1)).as("subtype %d", subtype).isZero();
                assertThat(adapter.manage(control, subtype, "0107400000000000", 1)).as("subtype %d", subtype)
                        .isEqualTo(ScsiCommand.S_BAD_TARGET);
                assertThat(adapter.manage(control, subtype, "0100400100000000", 1)).as("subtype %d", subtype)
                        .isEqualTo(subtype == 4 ? 0 : 12);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFunctionThatEndsCommandsIsAnsweredWhenTheyHaveEnded(QueueKind kind) {
        try (var adapter = new Adapter(kind)) {
            QueueDriver control = adapter.control();
            adapter.disk.holds = true;
            long[] tags = {7, 8, 9};
            for (int i = 0; i < tags.length; i++) {
                adapter.read(tags[i], 0x4000 + 0x1000L * i);
            }
            assertThat(adapter.manage(control, 6, "0100000000000000", 8)).as("query task").isEqualTo(10);
            assertThat(adapter.manage(control, 6, "0100000000000000", 5)).as("query another").isZero();
            assertThat(adapter.manage(control, 7, "0100000000000000", 0)).as("query task set").isEqualTo(10);
            adapter.tmf(control, 0, "0100000000000000", 8);
            assertThat(control.complete()).as("the disk has it").isEmpty();
            adapter.disk.letGo(2);
            adapter.driver.run();
            assertThat(adapter.queue.complete()).isPresent();
            assertThat(adapter.driver.memory.readByte(0x6000 + 0x100 + 11)).as("one that nobody ended").isZero();
            assertThat(control.complete()).isEmpty();
            adapter.disk.letGo(1);
            adapter.driver.run();
            assertThat(adapter.queue.complete()).isPresent();
            assertThat(adapter.driver.memory.readByte(0x5000 + 0x100 + 11)).isEqualTo((byte) ScsiCommand.S_ABORTED);
            assertThat(control.complete()).isPresent();
            assertThat(adapter.driver.memory.readByte(RESPONSE)).as("function complete").isZero();
            adapter.tmf(control, 5, "0100000000000000", 0);
            assertThat(control.complete()).isEmpty();
            adapter.disk.letGo(0);
            adapter.driver.run();
            assertThat(adapter.driver.memory.readByte(0x4000 + 0x100 + 11)).isEqualTo((byte) ScsiCommand.S_RESET);
            assertThat(control.complete()).isPresent();
            adapter.disk.holds = false;
            adapter.good("00 00 00 00 00 00", 0, 0, 0);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPauseAnswersWhatWaits(QueueKind kind) {
        try (var adapter = new Adapter(kind)) {
            QueueDriver control = adapter.control();
            adapter.disk.holds = true;
            adapter.read(7, 0x4000);
            adapter.tmf(control, 1, "0100000000000000", 0);
            assertThat(control.complete()).isEmpty();
            adapter.disk.letGo(0);
            adapter.driver.host.pause();
            assertThat(control.complete()).isPresent();
            assertThat(adapter.queue.complete()).isPresent();
            assertThat(adapter.driver.memory.readByte(0x4000 + 0x100 + 11)).isEqualTo((byte) ScsiCommand.S_ABORTED);
            adapter.driver.host.resume();
        }
    }

    @Test
    void theDriverChoosesTheSizesOfCommandsAndSenseDataWithinLimits() {
        try (var adapter = new Adapter(QueueKind.SPLIT)) {
            adapter.host.config().write(20, 4, 18);
            adapter.host.config().write(24, 4, 16);
            adapter.host.config().write(24, 4, 6);
            adapter.host.config().write(20, 4, 1 << 20);
            assertThat(adapter.host.save()).isEqualTo(new ScsiState(18, 16));
            assertThat(adapter.host.config().read(20, 4)).isEqualTo(18);
            assertThat(adapter.host.config().read(24, 4)).isEqualTo(16);
            adapter.driver.memory.fill(REQUEST, 51, (byte) 0);
            adapter.driver.memory.writeByte(REQUEST, (byte) 1);
            adapter.driver.memory.writeByte(REQUEST + 19, (byte) 0xFF);
            adapter.driver.submit(2, adapter.queue, Buffer.readable(REQUEST, 35), Buffer.writable(RESPONSE, 30));
            assertThat(adapter.queue.complete().orElseThrow().written()).isEqualTo(30);
            assertThat(adapter.sense()).isEqualTo("5/20/00");
            adapter.driver.host.writeStatus(0);
            assertThat(adapter.host.save()).as("after a reset").isEqualTo(new ScsiState(96, 32));
            adapter.host.restore(new ScsiState(0, 255));
            assertThat(adapter.host.save()).isEqualTo(new ScsiState(0, 255));
            assertThatThrownBy(() -> adapter.host.restore(new ScsiState(96, 15))).isInstanceOf(FormatException.class);
            assertThatThrownBy(() -> adapter.host.restore(new ScsiState(257, 32)))
                    .isInstanceOf(FormatException.class);
        }
    }

    @Test
    void adaptersThatCannotBeAreRefused() {
        assertThatThrownBy(() -> new ScsiHost(List.of())).isInstanceOf(ConfigurationException.class);
        try (var disk = new NotingDisk(false); var target = new ScsiDisk(disk, "s")) {
            assertThatThrownBy(() -> new ScsiHost(List.of(target), 65)).isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> new ScsiDisk(disk, "")).isInstanceOf(ConfigurationException.class);
            assertThatThrownBy(() -> new ScsiDisk(disk, "ä")).isInstanceOf(ConfigurationException.class);
        }
    }
}
