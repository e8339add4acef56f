package dev.vz.samples.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class EscapeKeyTest {

    private final StringBuilder seen = new StringBuilder();
    private final EscapeKey key = new EscapeKey(new EscapeKey.Listener() {
        @Override
        public void typed(byte value) {
            seen.append(value == 1 ? "^A" : String.valueOf((char) value));
        }

        @Override
        public void quit() {
            seen.append("<quit>");
        }

        @Override
        public void powerButton() {
            seen.append("<power>");
        }

        @Override
        public void help() {
            seen.append("<help>");
        }
    });

    static Stream<Arguments> typing() {
        return Stream.of(Arguments.of("ls\r", "ls\r"), Arguments.of("a\1xb", "a<quit>b"), Arguments.of("\1X", "<quit>"),
                Arguments.of("\1h\1?", "<help><help>"), Arguments.of("\1p", "<power>"), Arguments.of("\1\1x", "^Ax"),
                Arguments.of("\1a", "^A"), Arguments.of("\1qx", "x"), Arguments.of("\3\4\32", "\3\4\32"),
                Arguments.of("\1", ""));
    }

    @ParameterizedTest
    @MethodSource("typing")
    void onlyWhatFollowsCtrlAIsForVz(String typed, String expected) {
        for (char c : typed.toCharArray()) {
            key.accept((byte) c);
        }
        assertThat(seen).hasToString(expected);
    }

    @Test
    void bytesBeyondAsciiReachTheGuestUnchanged() {
        key.accept((byte) 0xC3);
        key.accept((byte) 0xB6);
        assertThat(seen.chars().map(c -> c & 0xFF)).containsExactly(0xC3, 0xB6);
    }
}
