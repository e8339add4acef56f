package dev.vz.samples.cli.image;

import dev.vz.samples.cli.disk.Sizes;
import dev.vz.storage.qcow2.Snapshot;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Internal snapshots as they are listed. */
final class SnapshotTexts {

    static final String HEADING = String.format(Locale.ROOT, "%-10s%-17s%8s%20s%13s%11s", "ID", "TAG", "VM SIZE",
            "DATE",
            "VM CLOCK", "ICOUNT");
    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);
    private static final long SECOND = 1_000_000_000;

    private SnapshotTexts() {}

    static Map<String, Object> facts(Snapshot snapshot) {
        Map<String, Object> facts = new LinkedHashMap<>();
        if (snapshot.unknownExtra().length >= 8) {
            facts.put("icount", ByteBuffer.wrap(snapshot.unknownExtra()).getLong());
        }
        facts.put("vm-clock-nsec", snapshot.vmClockNanos() % SECOND);
        facts.put("name", snapshot.name());
        facts.put("date-sec", (long) snapshot.dateSeconds());
        facts.put("date-nsec", (long) snapshot.dateNanos());
        facts.put("vm-clock-sec", snapshot.vmClockNanos() / SECOND);
        facts.put("id", snapshot.id());
        facts.put("vm-state-size", snapshot.vmStateSize());
        return facts;
    }

    static String line(Map<String, Object> facts) {
        long clock = InfoCommand.number(facts, "vm-clock-sec");
        String date = DATE
                .format(Instant.ofEpochSecond(InfoCommand.number(facts, "date-sec")).atZone(ZoneId.systemDefault()));
        String time = String.format(Locale.ROOT, "%02d:%02d:%02d.%03d", clock / 3600, clock / 60 % 60, clock % 60,
                InfoCommand.number(facts, "vm-clock-nsec") / 1_000_000);
        Object count = facts.get("icount");
        String instructions = count == null || count.equals(-1L) ? "" : count.toString();
        return String.format(Locale.ROOT, "%-9s %-16s %8s%20s%13s%11s", facts.get("id"), facts.get("name"), Sizes.human(
                InfoCommand.number(facts, "vm-state-size")), date, time, instructions);
    }
}
