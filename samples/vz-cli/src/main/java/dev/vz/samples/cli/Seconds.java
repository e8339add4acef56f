package dev.vz.samples.cli;

import java.math.BigDecimal;
import java.time.Duration;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a time in seconds, with or without decimals: {@code 30}, {@code 0.5}. */
final class Seconds implements ITypeConverter<Duration> {

    private static final BigDecimal LONGEST = BigDecimal.valueOf(Duration.ofDays(365).toSeconds());

    @Override
    public Duration convert(String text) {
        BigDecimal seconds;
        try {
            seconds = new BigDecimal(text.strip());
        } catch (NumberFormatException notANumber) {
            throw new TypeConversionException("'" + text + "' is not a number of seconds");
        }
        if (seconds.signum() <= 0 || seconds.compareTo(LONGEST) > 0) {
            throw new TypeConversionException("'" + text + "' is out of range; it must be more than 0 and at most "
                    + LONGEST + " (a year)");
        }
        return Duration.ofNanos(seconds.movePointRight(9).longValue());
    }
}
