package dev.vz.linux;

import dev.vz.error.CapabilityException;
import java.lang.foreign.MemorySegment;

/**
 * Whether this module may call native functions on this host.
 *
 * <p>
 * Every call of the module checks by itself; a program asks here to say early what is missing. Thread-safe.
 */
public final class NativeAccess {

    private static volatile boolean granted;

    private NativeAccess() {}

    /**
     * Returns if native calls are possible.
     *
     * <p>
     * A JVM that merely warns about missing native access prints its warning here, and goes on.
     *
     * @throws CapabilityException if the JVM denies native access, or if the host is not Linux on x86-64; the message
     *                             names the JVM option to add
     */
    public static void require() {
        if (!granted) {
            check(System.getProperty("os.name", ""), System.getProperty("os.arch", ""));
            granted = true;
        }
    }

    /** Whether {@link #require()} would return. */
    public static boolean isAvailable() {
        try {
            require();
            return true;
        } catch (CapabilityException missing) {
            return false;
        }
    }

    /** The JVM option that grants what {@link #require()} asks for. */
    public static String option() {
        Module module = NativeAccess.class.getModule();
        return "--enable-native-access=" + (module.isNamed() ? module.getName() : "ALL-UNNAMED");
    }

    static void check(String system, String architecture) {
        if (!system.equals("Linux") || !architecture.equals("amd64")) {
            throw new CapabilityException("dev.vz.linux calls Linux on x86-64 (os.arch amd64); this JVM runs on "
                    + system + " " + architecture + ". Use a back end that needs no host support instead.");
        }
        try {
            // The cheapest restricted method: it throws where the JVM denies native access, and warns where it warns.
            var _ = MemorySegment.NULL.reinterpret(0);
        } catch (IllegalCallerException denied) {
            throw new CapabilityException("This JVM denies native access to the module that makes system calls; start"
                    + " it with " + option() + " (an Enable-Native-Access entry in a library's manifest is ignored)",
                    denied);
        }
    }
}
