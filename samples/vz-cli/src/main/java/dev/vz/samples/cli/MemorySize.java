package dev.vz.samples.cli;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads amounts of memory as people write them: {@code 512M}, {@code 2G}, {@code 1536}; plain numbers are MiB. */
final class MemorySize implements ITypeConverter<Long> {

    private static final Pattern SIZE = Pattern.compile("(\\d{1,12})(?:([KMGT])(?:I?B)?)?");
    private static final String UNITS = "KMGT";
    private static final long PAGE = 4096;

    @Override
    public Long convert(String text) {
        Matcher matcher = SIZE.matcher(text.strip().toUpperCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new TypeConversionException("'" + text + "' is not a size; write for example 512M or 2G");
        }
        String unit = matcher.group(2) == null ? "M" : matcher.group(2);
        int shift = 10 * (UNITS.indexOf(unit) + 1);
        long number = Long.parseLong(matcher.group(1));
        if (number == 0 || number > Long.MAX_VALUE >>> shift) {
            throw new TypeConversionException(
                    "'" + text + "' is out of range; it must be more than 0 and less than 2^63 "
                            + "bytes");
        }
        long bytes = number << shift;
        if (bytes % PAGE != 0) {
            throw new TypeConversionException("'" + text + "' is not a multiple of 4K");
        }
        return bytes;
    }
}
