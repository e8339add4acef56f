package dev.vz.samples.cli.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class MarkerScannerTest {

    private static final String MARKER = "vz-0123abcd";

    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private final List<String> words = new ArrayList<>();
    private final MarkerScanner scanner = new MarkerScanner(MARKER, new MarkerScanner.Listener() {
        @Override
        public void data(byte value) {
            data.write(value);
        }

        @Override
        public void marked(String word) {
            words.add(word + "@" + data.size());
        }
    });

    @Test
    void aMarkerIsTakenOutOfTheBytesAroundIt() {
        feed("before\n\0" + MARKER + " begin\nafter");
        assertThat(text()).isEqualTo("before\nafter");
        assertThat(words).containsExactly("begin@7");
    }

    @Test
    void aMarkerAfterAFalseStartIsFound() {
        feed("\0vz-01\0\0" + MARKER + " 7\n");
        assertThat(text()).isEqualTo("\0vz-01\0");
        assertThat(words).containsExactly("7@7");
    }

    @Test
    void aLineThatOnlyLooksLikeAMarkerPassesThrough() {
        String tooLong = "\0" + MARKER + " " + "w".repeat(33) + "\n";
        String twoWords = "\0" + MARKER + " two words\n";
        feed(tooLong + twoWords);
        assertThat(text()).isEqualTo(tooLong + twoWords);
        assertThat(words).isEmpty();
    }

    @Test
    void whatIsHeldBackComesOutAtTheEnd() {
        feed("tail\0" + MARKER + " en");
        scanner.finish();
        assertThat(text()).isEqualTo("tail\0" + MARKER + " en");
    }

    @Test
    void aMarkerWithoutAWordPassesThrough() {
        feed("\0" + MARKER + " \n");
        assertThat(text()).isEqualTo("\0" + MARKER + " \n");
        assertThat(words).isEmpty();
    }

    /** Bytes from an alphabet that hits parts of the marker often. */
    @Property
    void everyByteThatIsNoMarkerPassesThroughUnchanged(@ForAll("fragments") List<String> fragments) {
        data.reset(); // one instance runs all tries
        words.clear();
        String input = String.join("", fragments);
        feed(input);
        scanner.finish();
        Pattern marked = Pattern.compile("\0" + MARKER + " [!-\u007f]{1,32}\n");
        assertThat(text()).isEqualTo(marked.matcher(input).replaceAll(""));
        assertThat(words).hasSize((int) marked.matcher(input).results().count());
    }

    @Provide
    Arbitrary<List<String>> fragments() {
        return Arbitraries.of("\0", "\0vz", "-0123abcd", " ", "ok", "\n", "\r\n", "x", "\u007f", "\0" + MARKER,
                "\0" + MARKER + " ok\n").list().ofMaxSize(40);
    }

    private void feed(String bytes) {
        for (byte value : bytes.getBytes(StandardCharsets.ISO_8859_1)) {
            scanner.accept(value);
        }
    }

    private String text() {
        return data.toString(StandardCharsets.ISO_8859_1);
    }
}
