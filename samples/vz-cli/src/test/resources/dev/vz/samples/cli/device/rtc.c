/*
 * What busybox has no program for: the interrupts of /dev/rtc0. Each is waited for, and the program ends when all have come:
 * the update, as hwclock waits for it to read the time at the start of a second; the alarm; the periodic interrupt.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/rtc.h>

static void check(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

/* Waits for an interrupt of the kinds in "kind"; how many have come is above the low byte. */
static unsigned long interrupts(int rtc, unsigned long kind, const char *what)
{
    unsigned long data;
    check(read(rtc, &data, sizeof data) == sizeof data, what);
    check((data & kind) == kind, what);
    return data >> 8;
}

int main(void)
{
    int rtc = open("/dev/rtc0", O_RDONLY);
    check(rtc >= 0, "/dev/rtc0");
    struct rtc_time now;
    check(!ioctl(rtc, RTC_RD_TIME, &now), "RTC_RD_TIME");

    check(!ioctl(rtc, RTC_UIE_ON, 0), "RTC_UIE_ON");
    interrupts(rtc, RTC_UF, "update");
    struct rtc_time then;
    interrupts(rtc, RTC_UF, "second update");
    check(!ioctl(rtc, RTC_UIE_OFF, 0), "RTC_UIE_OFF");
    check(!ioctl(rtc, RTC_RD_TIME, &then), "RTC_RD_TIME");
    time_t first = timegm((struct tm *)&now), second = timegm((struct tm *)&then);
    check(second > first, "a second passes between two updates");

    time_t when = second + 2;
    struct tm *alarm = gmtime(&when);
    struct rtc_wkalrm wake = { .enabled = 1, .time = { .tm_sec = alarm->tm_sec, .tm_min = alarm->tm_min,
        .tm_hour = alarm->tm_hour, .tm_mday = alarm->tm_mday, .tm_mon = alarm->tm_mon, .tm_year = alarm->tm_year } };
    check(!ioctl(rtc, RTC_WKALM_SET, &wake), "RTC_WKALM_SET");
    interrupts(rtc, RTC_AF, "alarm");
    check(!ioctl(rtc, RTC_RD_TIME, &then), "RTC_RD_TIME");
    check(timegm((struct tm *)&then) >= when, "not before its time");

    check(!ioctl(rtc, RTC_IRQP_SET, 16), "RTC_IRQP_SET");
    check(!ioctl(rtc, RTC_PIE_ON, 0), "RTC_PIE_ON");
    for (unsigned long seen = 0; seen < 16;)
        seen += interrupts(rtc, RTC_PF, "periodic");
    check(!ioctl(rtc, RTC_PIE_OFF, 0), "RTC_PIE_OFF");
    printf("clock interrupts: update, alarm, periodic\n");
    return 0;
}
