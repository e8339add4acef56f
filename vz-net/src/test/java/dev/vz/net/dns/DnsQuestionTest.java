package dev.vz.net.dns;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;

/** Questions that anybody may send. */
class DnsQuestionTest {

    @Property(tries = 5000)
    void anyBytesAreAQuestionOrNone(@ForAll @Size(max = 300) byte[] bytes) {
        byte[] message = bytes;
        if (message.length >= 12) {
            Arrays.fill(message, 2, 12, (byte) 0);
            message[5] = 1;
        }
        var question = new DnsQuestion(1);
        MemorySegment segment = MemorySegment.ofArray(message);
        if (question.parse(segment, 0, message.length)) {
            assertThat(question.name()).endsWith(0);
            assertThat(question.copy()).isEqualTo(question).hasSameHashCodeAs(question);
        }
    }
}
