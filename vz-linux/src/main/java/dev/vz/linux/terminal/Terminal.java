package dev.vz.linux.terminal;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.TerminalCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.termios;
import dev.vz.linux.generated.winsize;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A terminal: termios(3) and the window-size ioctls. Any thread may call.
 */
public final class Terminal {

    private final FileDescriptor descriptor;

    private Terminal(FileDescriptor descriptor) {
        this.descriptor = descriptor;
    }

    /** Whether {@code descriptor} is a terminal. */
    public static boolean isTerminal(FileDescriptor descriptor) {
        return TerminalCalls.tcgetattr(descriptor.value(), CallState.current().scratch()) == 0;
    }

    /**
     * The terminal behind {@code descriptor}, which stays its owner's.
     *
     * @throws HostException {@code ENOTTY} if it is none
     */
    public static Terminal of(FileDescriptor descriptor) {
        var terminal = new Terminal(descriptor);
        terminal.attributes();
        return terminal;
    }

    /** The terminal of standard input. */
    public static Terminal standardInput() {
        return of(FileDescriptor.borrow(0, "standard input"));
    }

    /**
     * Lets every key through as it is typed, Ctrl-C too, and echoes none, until the returned object is closed. What is
     * written to the terminal is processed as before, so that lines of the host still start at the left.
     *
     * <p>
     * Whoever calls closes, on every way out of the program: {@link RawMode} says how.
     */
    public RawMode raw() {
        byte[] before = attributes();
        var mode = new RawMode(this, before);
        MemorySegment settings = CallState.current().scratch().asSlice(0, termios.sizeof());
        MemorySegment.copy(before, 0, settings, ValueLayout.JAVA_BYTE, 0, before.length);
        // As cfmakeraw(3), but for output processing.
        termios.c_iflag(settings, termios.c_iflag(settings)
                & ~(LinuxHeaders.IGNBRK() | LinuxHeaders.BRKINT() | LinuxHeaders.PARMRK() | LinuxHeaders.ISTRIP()
                        | LinuxHeaders.INLCR() | LinuxHeaders.IGNCR() | LinuxHeaders.ICRNL() | LinuxHeaders.IXON()));
        termios.c_lflag(settings, termios.c_lflag(settings) & ~(LinuxHeaders.ECHO() | LinuxHeaders.ECHONL()
                | LinuxHeaders.ICANON() | LinuxHeaders.ISIG() | LinuxHeaders.IEXTEN()));
        termios.c_cflag(settings,
                termios.c_cflag(settings) & ~(LinuxHeaders.CSIZE() | LinuxHeaders.PARENB()) | LinuxHeaders.CS8());
        // read(2) returns as soon as there is one byte.
        MemorySegment characters = termios.c_cc(settings);
        characters.set(ValueLayout.JAVA_BYTE, LinuxHeaders.VMIN(), (byte) 1);
        characters.set(ValueLayout.JAVA_BYTE, LinuxHeaders.VTIME(), (byte) 0);
        try {
            apply(settings);
            return mode;
        } catch (RuntimeException | Error failure) {
            mode.close();
            throw failure;
        }
    }

    /** The window's size. */
    public WindowSize size() {
        MemorySegment size = CallState.current().scratch();
        Ioctl.checked("TIOCGWINSZ", descriptor, LinuxHeaders.TIOCGWINSZ(), size);
        return new WindowSize(Short.toUnsignedInt(winsize.ws_col(size)), Short.toUnsignedInt(winsize.ws_row(size)));
    }

    /** Sets the window's size; programs on the terminal are told by SIGWINCH. */
    public void resize(WindowSize size) {
        MemorySegment settings = CallState.current().scratch().asSlice(0, winsize.sizeof());
        settings.fill((byte) 0);
        winsize.ws_col(settings, (short) size.columns());
        winsize.ws_row(settings, (short) size.rows());
        Ioctl.checked("TIOCSWINSZ", descriptor, LinuxHeaders.TIOCSWINSZ(), settings);
    }

    /** The descriptor. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    @Override
    public String toString() {
        return "terminal " + descriptor;
    }

    /** All settings, as {@code struct termios} keeps them. */
    byte[] attributes() {
        MemorySegment settings = CallState.current().scratch();
        Errno.check("tcgetattr", descriptor, TerminalCalls.tcgetattr(descriptor.value(), settings));
        return settings.asSlice(0, termios.sizeof()).toArray(ValueLayout.JAVA_BYTE);
    }

    /** Sets all settings, once what has been written is out; what has been typed but not read is kept. */
    void restore(byte[] attributes) {
        MemorySegment settings = CallState.current().scratch();
        MemorySegment.copy(attributes, 0, settings, ValueLayout.JAVA_BYTE, 0, attributes.length);
        apply(settings);
    }

    private void apply(MemorySegment settings) {
        int result;
        do {
            result = TerminalCalls.tcsetattr(descriptor.value(), LinuxHeaders.TCSADRAIN(), settings);
        } while (result == -Errno.EINTR);
        Errno.check("tcsetattr", descriptor, result);
    }
}
