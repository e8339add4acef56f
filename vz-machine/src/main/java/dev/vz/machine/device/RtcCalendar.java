package dev.vz.machine.device;

/**
 * The MC146818's view of a point in time: fields in BCD or binary, hours in 12 or 24. Reused, so that reading the clock
 * allocates nothing; whoever uses it locks. The Gregorian calendar, UTC, years 0 to 9999.
 */
final class RtcCalendar {

    private static final long SECOND = 1_000_000_000L;
    private static final long DAY_SECONDS = 86_400;
    private static final int PM = 0x80;
    /** An alarm field of this or more matches every value (data sheet, "don't care"). */
    private static final int ANY = 0xC0;

    private long nanos;
    private int second;
    private int minute;
    private int hour;
    private int weekday;
    private int day;
    private int month;
    private int year;

    /** Shows {@code epochNanos} nanoseconds since 1970. */
    void set(long epochNanos) {
        long seconds = Math.floorDiv(epochNanos, SECOND);
        nanos = Math.floorMod(epochNanos, SECOND);
        long days = Math.floorDiv(seconds, DAY_SECONDS);
        int inDay = (int) Math.floorMod(seconds, DAY_SECONDS);
        second = inDay % 60;
        minute = inDay / 60 % 60;
        hour = inDay / 3600;
        weekday = (int) Math.floorMod(days + 4, 7L) + 1; // 1970-01-01 was a Thursday; Sunday is 1
        // Days to date in eras of 400 years that begin on March 1st, so that the leap day comes last.
        long z = days + 719_468;
        long era = Math.floorDiv(z, 146_097L);
        int dayOfEra = (int) (z - era * 146_097);
        int yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
        int dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
        int shifted = (5 * dayOfYear + 2) / 153;
        day = dayOfYear - (153 * shifted + 2) / 5 + 1;
        month = shifted < 10 ? shifted + 3 : shifted - 9;
        year = (int) (yearOfEra + era * 400) + (month <= 2 ? 1 : 0);
    }

    /** Nanoseconds since 1970 of what it shows. A day past the month's end counts on into the next month. */
    long epochNanos() {
        int y = month <= 2 ? year - 1 : year;
        long era = Math.floorDiv(y, 400);
        int yearOfEra = (int) (y - era * 400);
        int dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
        int dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
        long days = era * 146_097 + dayOfEra - 719_468;
        return (days * DAY_SECONDS + hour * 3600L + minute * 60L + second) * SECOND + nanos;
    }

    /** The field in {@code register}, coded as register B says. */
    int get(int register, int registerB) {
        return switch (register) {
            case CmosRtc.SECONDS -> encode(second, registerB);
            case CmosRtc.MINUTES -> encode(minute, registerB);
            case CmosRtc.HOURS -> encodeHour(hour, registerB);
            case CmosRtc.WEEKDAY -> encode(weekday, registerB);
            case CmosRtc.DAY -> encode(day, registerB);
            case CmosRtc.MONTH -> encode(month, registerB);
            case CmosRtc.YEAR -> encode(Math.floorMod(year, 100), registerB);
            default -> encode(Math.floorMod(year / 100, 100), registerB);
        };
    }

    /** Replaces the field in {@code register}. A value that cannot be is brought into range: the guest gets some time. */
    void put(int register, int value, int registerB) {
        int number = decode(value, registerB);
        switch (register) {
            case CmosRtc.SECONDS -> {
                second = Math.min(number, 59);
                nanos = 0;
            }
            case CmosRtc.MINUTES -> minute = Math.min(number, 59);
            case CmosRtc.HOURS -> hour = decodeHour(value, registerB);
            case CmosRtc.DAY -> day = Math.clamp(number, 1, 31);
            case CmosRtc.MONTH -> month = Math.clamp(number, 1, 12);
            case CmosRtc.YEAR -> year = year / 100 * 100 + Math.min(number, 99);
            // Years from 1970 to 2199: what nanoseconds since 1970 in a long can hold.
            case CmosRtc.CENTURY -> year = Math.clamp(number, 19, 21) * 100 + Math.floorMod(year, 100);
            default -> {
                // The day of the week follows from the date.
            }
        }
    }

    /** The first full second after {@code time} that matches the alarm; {@link Long#MAX_VALUE} if none ever does. */
    long nextAlarm(long time, int hourAlarm, int minuteAlarm, int secondAlarm, int registerB) {
        int h = (hourAlarm & 0xFF) >= ANY ? -1 : decodeHour(hourAlarm & 0xFF, registerB);
        int m = (minuteAlarm & 0xFF) >= ANY ? -1 : decode(minuteAlarm & 0xFF, registerB);
        int s = (secondAlarm & 0xFF) >= ANY ? -1 : decode(secondAlarm & 0xFF, registerB);
        if (h > 23 || m > 59 || s > 59) {
            return Long.MAX_VALUE;
        }
        long at = Math.floorDiv(time, SECOND) + 1;
        long end = at + DAY_SECONDS;
        // Skips whole hours and minutes that do not match: at most 24 + 60 + 60 steps.
        while (at <= end) {
            int inDay = (int) Math.floorMod(at, DAY_SECONDS);
            if (h >= 0 && inDay / 3600 != h) {
                at += 3600 - inDay % 3600;
            } else if (m >= 0 && inDay / 60 % 60 != m) {
                at += 60 - inDay % 60;
            } else if (s >= 0 && inDay % 60 != s) {
                at++;
            } else {
                return at * SECOND;
            }
        }
        return Long.MAX_VALUE;
    }

    private static int encode(int value, int registerB) {
        return (registerB & CmosRtc.B_BINARY) != 0 ? value : value / 10 << 4 | value % 10;
    }

    private static int decode(int value, int registerB) {
        return (registerB & CmosRtc.B_BINARY) != 0 ? value : (value >>> 4) * 10 + (value & 0xF);
    }

    private static int encodeHour(int hour, int registerB) {
        if ((registerB & CmosRtc.B_24H) != 0) {
            return encode(hour, registerB);
        }
        int twelve = hour % 12 == 0 ? 12 : hour % 12;
        return encode(twelve, registerB) | (hour >= 12 ? PM : 0);
    }

    private static int decodeHour(int value, int registerB) {
        if ((registerB & CmosRtc.B_24H) != 0) {
            return Math.min(decode(value, registerB), 23);
        }
        int twelve = Math.min(decode(value & ~PM, registerB), 12);
        return twelve % 12 + ((value & PM) != 0 ? 12 : 0);
    }
}
