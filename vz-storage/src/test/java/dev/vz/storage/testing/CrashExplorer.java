package dev.vz.storage.testing;

import dev.vz.storage.testing.RecordingFile.Event;
import dev.vz.storage.testing.RecordingFile.Flush;
import dev.vz.storage.testing.RecordingFile.Grow;
import dev.vz.storage.testing.RecordingFile.Mark;
import dev.vz.storage.testing.RecordingFile.Write;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * What a file may hold after power was lost: everything before the last flush, and of what came after it any part, in
 * units of 512-byte sectors.
 *
 * <p>
 * Power is lost before every flush and at the end. For the writes since the flush before, with {@code n} of them: none, all,
 * each prefix, all but one, one alone; all {@code 2^n} subsets if {@code n} is at most {@value #EXHAUSTIVE}; and as many
 * random choices of single sectors as the bound says.
 */
public final class CrashExplorer {

    private static final int EXHAUSTIVE = 5;
    private static final int SECTOR = 512;

    /** Looks at a state. */
    @FunctionalInterface
    public interface Judge {
        /** {@code mark}: the last mark before the crash, -1 if there was none; {@code next}: the mark to come, or -1. */
        void judge(byte[] state, int mark, int next);
    }

    private CrashExplorer() {}

    /** Shows all states to {@code judge}; returns how many there were. */
    public static int explore(RecordingFile file, int tornStates, long seed, Judge judge) {
        var random = new Random(seed);
        var durable = new State(file.start());
        var pending = new ArrayList<Event>();
        int mark = -1;
        int states = 0;
        List<Event> events = new ArrayList<>(file.events());
        events.add(new Flush());
        for (Event event : events) {
            switch (event) {
                case Mark reached -> mark = reached.number();
                case Flush _ -> {
                    for (List<Event> choice : choices(pending)) {
                        judge.judge(durable.with(choice, null).bytes(), mark, mark + 1);
                        states++;
                    }
                    for (int i = 0; i < tornStates && !pending.isEmpty(); i++) {
                        judge.judge(durable.with(pending, random).bytes(), mark, mark + 1);
                        states++;
                    }
                    durable = durable.with(pending, null);
                    pending.clear();
                }
                default -> pending.add(event);
            }
        }
        return states;
    }

    private static List<List<Event>> choices(List<Event> pending) {
        int n = pending.size();
        var choices = new ArrayList<List<Event>>();
        if (n <= EXHAUSTIVE) {
            for (int set = 0; set < 1 << n; set++) {
                var choice = new ArrayList<Event>();
                for (int i = 0; i < n; i++) {
                    if ((set >> i & 1) != 0) {
                        choice.add(pending.get(i));
                    }
                }
                choices.add(choice);
            }
            return choices;
        }
        for (int i = 0; i <= n; i++) {
            choices.add(pending.subList(0, i));
            if (i < n) {
                choices.add(List.of(pending.get(i)));
                var others = new ArrayList<>(pending);
                others.remove(i);
                choices.add(others);
            }
        }
        return choices;
    }

    private record State(byte[] bytes) {

        State with(List<Event> events, Random torn) {
            byte[] next = bytes.clone();
            for (Event event : events) {
                if (event instanceof Grow grow) {
                    if (torn == null || torn.nextBoolean()) {
                        next = Arrays.copyOf(next, Math.max(next.length, (int) grow.size()));
                    }
                } else if (event instanceof Write write) {
                    next = apply(next, write, torn);
                }
            }
            return new State(next);
        }

        private static byte[] apply(byte[] bytes, Write write, Random torn) {
            byte[] next = bytes;
            int at = 0;
            while (at < write.bytes().length) {
                int position = (int) write.position() + at;
                int length = Math.min(SECTOR - position % SECTOR, write.bytes().length - at);
                if (torn == null || torn.nextBoolean()) {
                    if (position + length > next.length) {
                        next = Arrays.copyOf(next, position + length);
                    }
                    System.arraycopy(write.bytes(), at, next, position, length);
                }
                at += length;
            }
            return next;
        }
    }
}
