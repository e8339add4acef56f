package dev.vz.net.dns;

import dev.vz.net.dns.DnsCache.Answer;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;

/** Makes answers, and reads those of others: dnsjava parses them whole, so what is cached is well-formed. */
final class DnsAnswers {

    private static final long SECOND = 1_000_000_000L;
    private static final long LONGEST = 86_400;
    private static final long LONGEST_NEGATIVE = 900;
    private static final int OPT = 41;

    private DnsAnswers() {}

    /** An answer of our own: {@code null} records mean that the name does not exist. */
    static byte[] own(Message query, @Nullable List<Record> records) {
        var answer = new Message(query.getHeader().getID());
        answer.getHeader().setFlag(Flags.QR);
        answer.getHeader().setFlag(Flags.AA);
        answer.getHeader().setFlag(Flags.RA);
        if (query.getHeader().getFlag(Flags.RD)) {
            answer.getHeader().setFlag(Flags.RD);
        }
        answer.addRecord(query.getQuestion(), Section.QUESTION);
        if (records == null) {
            answer.getHeader().setRcode(Rcode.NXDOMAIN);
        } else {
            records.forEach(each -> answer.addRecord(each, Section.ANSWER));
        }
        return answer.toWire();
    }

    /** "Server failure", with the question. */
    static byte[] failure(byte[] query) {
        int end = DnsQuestion.HEADER;
        while (query[end] != 0) {
            end += (query[end] & 0xFF) + 1;
        }
        byte[] answer = Arrays.copyOf(query, end + 5);
        answer[2] = (byte) (query[2] & 0x01 | 0x80);
        answer[3] = (byte) (0x80 | Rcode.SERVFAIL);
        answer[5] = 1;
        Arrays.fill(answer, 6, DnsQuestion.HEADER, (byte) 0);
        return answer;
    }

    /**
     * Reads an answer of a name server.
     *
     * @param names learns which name has which address
     * @throws IOException if it is malformed
     */
    static Answer examine(byte[] bytes, long now, AddressNames names) throws IOException {
        var message = new Message(bytes);
        long ttl = lifetime(message);
        learn(message.getSection(Section.ANSWER),
                message.getQuestion().getName().toString(true).toLowerCase(Locale.ROOT), names);
        return new Answer(bytes, ttlOffsets(bytes), now, now + ttl * SECOND);
    }

    /** Teaches {@code names} what a guest hears that asked for a name, in lower case without a dot at the end. */
    static void learn(List<Record> answers, String asked, AddressNames names) {
        for (Record record : answers) {
            if (record instanceof ARecord a) {
                names.add(a.getAddress(), asked);
            } else if (record instanceof AAAARecord a) {
                names.add(a.getAddress(), asked);
            }
        }
    }

    /** Seconds that an answer may be kept (RFC 2308, 5; RFC 8767 is not done). */
    private static long lifetime(Message message) {
        int code = message.getRcode();
        if (code != Rcode.NOERROR && code != Rcode.NXDOMAIN || message.getHeader().getFlag(Flags.TC)) {
            return 0;
        }
        long ttl = LONGEST;
        for (int section : new int[] {Section.ANSWER, Section.AUTHORITY}) {
            for (Record record : message.getSection(section)) {
                ttl = Math.min(ttl, record.getTTL());
            }
        }
        if (!message.getSection(Section.ANSWER).isEmpty()) {
            return ttl;
        }
        for (Record record : message.getSection(Section.AUTHORITY)) {
            if (record instanceof SOARecord soa) {
                return Math.min(Math.min(soa.getMinimum(), ttl), LONGEST_NEGATIVE);
            }
        }
        return 0;
    }

    /** Where the times to live are in a message that has been parsed already, so that its lengths are right. */
    static int[] ttlOffsets(byte[] bytes) {
        int records = u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10);
        int[] offsets = new int[records];
        int count = 0;
        int at = skipName(bytes, DnsQuestion.HEADER) + 4;
        for (int i = 0; i < records; i++) {
            at = skipName(bytes, at);
            if (u16(bytes, at) != OPT) { // its "TTL" is flags
                offsets[count++] = at + 4;
            }
            at += 10 + u16(bytes, at + 8);
        }
        return Arrays.copyOf(offsets, count);
    }

    private static int skipName(byte[] bytes, int from) {
        int at = from;
        while (true) {
            int label = bytes[at] & 0xFF;
            if (label >= 0xC0) {
                return at + 2;
            }
            at += label + 1;
            if (label == 0) {
                return at;
            }
        }
    }

    private static int u16(byte[] bytes, int at) {
        return (bytes[at] & 0xFF) << 8 | bytes[at + 1] & 0xFF;
    }
}
