package dev.vz.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import java.math.BigInteger;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class AddressRangeTest {

    private static BigInteger unsigned(long value) {
        return new BigInteger(Long.toUnsignedString(value));
    }

    private static AddressRange range(long start, long length) {
        Assume.that(unsigned(start).add(BigInteger.valueOf(length)).bitLength() <= 64
                || unsigned(start).add(BigInteger.valueOf(length)).equals(BigInteger.TWO.pow(64)));
        return new AddressRange(start, length);
    }

    @Test
    void endsAtTheLastAddressOfAll() {
        var top = new AddressRange(-4096, 4096);
        assertThat(top.last()).isEqualTo(-1L);
        assertThat(top.contains(-1)).isTrue();
        assertThat(top.contains(0)).isFalse();
        assertThat(top.contains(-8, 8)).isTrue();
        assertThat(top.contains(-8, 9)).isFalse();
        assertThat(top).hasToString("[0xfffffffffffff000-0xffffffffffffffff]");
    }

    @Test
    void doesNotWrap() {
        assertThatThrownBy(() -> new AddressRange(-4096, 4097)).isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("0xfffffffffffff000").hasMessageContaining("past the end");
    }

    @Test
    void isNotEmpty() {
        assertThatThrownBy(() -> new AddressRange(16, 0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new AddressRange(16, -1)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> AddressRange.closed(5, 4)).isInstanceOf(ConfigurationException.class);
    }

    @Property
    void containsWhatArithmeticSays(@ForAll long start, @ForAll @LongRange(min = 1) long length, @ForAll long address,
            @ForAll @LongRange(min = 1) long count) {
        AddressRange range = range(start, length);
        BigInteger from = unsigned(start);
        BigInteger to = from.add(BigInteger.valueOf(length));
        BigInteger at = unsigned(address);
        assertThat(range.contains(address)).isEqualTo(at.compareTo(from) >= 0 && at.compareTo(to) < 0);
        assertThat(range.contains(address, count))
                .isEqualTo(at.compareTo(from) >= 0 && at.add(BigInteger.valueOf(count)).compareTo(to) <= 0);
    }

    @Property
    void overlapsWhatSharesAnAddress(@ForAll long start, @ForAll @LongRange(min = 1) long length,
            @ForAll @LongRange(min = -300, max = 300) long distance,
            @ForAll @LongRange(min = 1, max = 300) long otherLength) {
        AddressRange one = range(start, length);
        AddressRange two = range(start + distance, otherLength);
        BigInteger from = unsigned(one.start()).max(unsigned(two.start()));
        BigInteger to = unsigned(one.last()).min(unsigned(two.last()));
        assertThat(one.overlaps(two)).isEqualTo(from.compareTo(to) <= 0).isEqualTo(two.overlaps(one));
    }

    @Test
    void sortsUnsigned() {
        assertThat(new AddressRange(-4096, 1)).isGreaterThan(new AddressRange(1, 1));
    }
}
