package dev.vz.samples.cli.disk;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizes, option lists and options as the tools' users write them. */
class SizesTest {

    @ParameterizedTest
    @CsvSource({"1024, 1024", "1024b, 1024", "1k, 1024", "1.5K, 1536", "0x200, 512", "1E, 1152921504606846976",
        "1024.0, 1024", "0.5k, 512", "-0, 0", "8191P, 9222246136947933184"})
    void aSizeHasDigitsAFractionAndASuffix(String text, long bytes) {
        assertThat(Sizes.tryParse(text)).hasValue(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "k", "1kilobyte", "-1", "1.5", "1..2k", "0x", "1 k", "99999999999999999999", "16E"})
    void everythingElseIsNone(String text) {
        assertThat(Sizes.tryParse(text)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"0, 0 B", "999, 999 B", "1000, 0.977 KiB", "1024, 1 KiB", "200704, 196 KiB", "67125248, 64 MiB",
        "1265664, 1.21 MiB", "1610612736, 1.5 GiB"})
    void peopleReadThreeDigits(long bytes, String text) {
        assertThat(Sizes.human(bytes)).isEqualTo(text);
    }

    @Test
    void twoCommasStandForOneAndAWordAloneSwitchesOn() {
        assertThat(OptionList.parse("a=1,b=x,,y,c,nod"))
                .isEqualTo(java.util.Map.of("a", "1", "b", "x,y", "c", "on", "d",
                        "off"));
        assertThat(OptionList.isWellFormed("a=1,")).isFalse();
        assertThat(OptionList.isWellFormed("a=1,,")).isTrue();
        assertThat(OptionList.asksForHelp("a=1,help")).isTrue();
    }

    @Test
    void optionsAreJoinedAbbreviatedAndMixedWithOperands() {
        var options = new GetOpt(List.of("x", "-qfraw", "--out=json", "y", "-f", "qcow2", "--", "-z"), "qf:", List.of(
                new GetOpt.Long("output", true, 300)));
        assertThat(options.next()).isEqualTo('q');
        assertThat(options.next()).isEqualTo('f');
        assertThat(options.value()).isEqualTo("raw");
        assertThat(options.next()).isEqualTo(300);
        assertThat(options.value()).isEqualTo("json");
        assertThat(options.next()).isEqualTo('f');
        assertThat(options.value()).isEqualTo("qcow2");
        assertThat(options.next()).isEqualTo(GetOpt.END);
        assertThat(options.operands()).containsExactly("x", "y", "-z");
        assertThat(new GetOpt(List.of("-f"), "f:", List.of()).next()).isEqualTo(GetOpt.NO_VALUE);
        assertThat(new GetOpt(List.of("--nope"), "f:", List.of()).next()).isEqualTo(GetOpt.UNKNOWN);
    }
}
