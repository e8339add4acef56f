package dev.vz.error;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The root of everything Vz raises on purpose.
 *
 * <p>
 * The message says what was being done, on what (address, descriptor, file), what was found and what was expected, and
 * what to do next. The family is sealed; its branches are open for modules to extend.
 */
public abstract sealed class VzException extends RuntimeException permits CapabilityException, ConfigurationException,
        FormatException, GuestException, HostException, LifecycleException {

    private static final long serialVersionUID = 1L;

    VzException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }
}
