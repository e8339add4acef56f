package dev.vz.net.dns;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Answers by their question, the least used leaving first. Looking up allocates nothing. */
final class DnsCache {

    /** An answer as it came, and where in it the times to live are. */
    record Answer(byte[] message, int[] ttlOffsets, long stored, long expires) {}

    private final int largestCount;
    private final long largestBytes;
    private final LinkedHashMap<DnsQuestion, Answer> answers = new LinkedHashMap<>(256, 0.75f, true);
    private long bytes;

    DnsCache(int largestCount, long largestBytes) {
        this.largestCount = largestCount;
        this.largestBytes = largestBytes;
    }

    @Nullable
    Answer find(DnsQuestion question, long now) {
        Answer found = answers.get(question);
        return found != null && found.expires() - now > 0 ? found : null;
    }

    /** Keeps an answer; {@code question} becomes the key. */
    void put(DnsQuestion question, Answer answer) {
        remove(question);
        bytes += size(answer);
        answers.put(question, answer);
        while (answers.size() > largestCount || bytes > largestBytes) {
            Map.Entry<DnsQuestion, Answer> eldest = answers.entrySet().iterator().next();
            remove(eldest.getKey());
        }
    }

    private void remove(DnsQuestion question) {
        Answer old = answers.remove(question);
        if (old != null) {
            bytes -= size(old);
        }
    }

    private static long size(Answer answer) {
        return answer.message().length + 512L;
    }

    int size() {
        return answers.size();
    }

    void clear() {
        answers.clear();
        bytes = 0;
    }
}
