package dev.vz.machine.acpi;

/**
 * What the FADT says of a machine (5.2.9): where its power management registers are and what legacy hardware it has.
 *
 * @param sciGsi           input of the system control interrupt
 * @param pm1Event         port of PM1_STS and PM1_EN
 * @param pm1Control       port of PM1_CNT
 * @param pmTimer          port of PM_TMR, 32 bits wide
 * @param gpe0             port of GPE0_STS and GPE0_EN, 8 bits each
 * @param resetPort        port of the reset register
 * @param resetValue       what resets the machine
 * @param centuryRegister  CMOS register of the century
 * @param bootArchitecture IAPC_BOOT_ARCH flags
 */
public record FixedHardware(int sciGsi, int pm1Event, int pm1Control, int pmTimer, int gpe0, int resetPort,
        int resetValue,
        int centuryRegister, int bootArchitecture) {

    /** IAPC_BOOT_ARCH: there are devices on the ISA bus. */
    public static final int LEGACY_DEVICES = 1;
    /** IAPC_BOOT_ARCH: there is a keyboard controller. */
    public static final int KEYBOARD_CONTROLLER = 1 << 1;
    /** IAPC_BOOT_ARCH: there is no VGA hardware to probe for. */
    public static final int NO_VGA = 1 << 2;

    private static final int WBINVD = 1;
    private static final int PROC_C1 = 1 << 2;
    private static final int SLP_BUTTON_NOT_FIXED = 1 << 5;
    private static final int RTC_WAKE_NOT_FIXED = 1 << 6;
    private static final int TMR_VAL_EXT = 1 << 8;
    private static final int RESET_REG_SUP = 1 << 10;

    /** The power button is fixed hardware (its bit is clear); there is no sleep button and no wake by the clock. */
    static final int FLAGS = WBINVD | PROC_C1 | SLP_BUTTON_NOT_FIXED | RTC_WAKE_NOT_FIXED | TMR_VAL_EXT | RESET_REG_SUP;
}
