package dev.vz.samples.cli.guest;

import dev.vz.samples.cli.console.EscapeKey;
import dev.vz.samples.cli.console.GuestInput;
import dev.vz.samples.cli.console.StandardInput;
import org.jspecify.annotations.Nullable;

/**
 * Whoever types into interactive guests: a person at a terminal, or a pipe. Survives a guest that restarts; what is typed
 * goes to the guest that runs. Thread-safe.
 */
final class Typist implements EscapeKey.Listener, StandardInput.Receiver {

    /** What Ctrl-A H shows. */
    static final String HELP = "Ctrl-A X ends the guest, Ctrl-A P presses its power button, Ctrl-A A types Ctrl-A, "
            + "Ctrl-A H shows this";

    private final HostStreams streams;
    private final boolean endsWithInput;
    private boolean reading;
    private @Nullable GuestInput input;
    private @Nullable GuestSession session;

    /**
     * Types what comes from {@code streams}.
     *
     * @param endsWithInput whether the end of a pipe is typed as Ctrl-D, which ends a shell
     */
    Typist(HostStreams streams, boolean endsWithInput) {
        this.streams = streams;
        this.endsWithInput = endsWithInput;
    }

    /** A person sees what became of a key; a pipe has to wait until somebody listens. */
    boolean waitsForDriver() {
        return !streams.inIsTerminal();
    }

    /** From now on, what is typed goes to {@code input}, and commands to {@code session}. */
    void typeInto(GuestInput input, GuestSession session) {
        synchronized (this) {
            this.input = input;
            this.session = session;
            if (reading) {
                return;
            }
            reading = true;
        }
        if (streams.inIsTerminal()) {
            StandardInput.readKeys(streams.in(), this);
        } else {
            StandardInput.readAll(streams.in(), this);
        }
    }

    private synchronized @Nullable GuestInput input() {
        return input;
    }

    private synchronized @Nullable GuestSession session() {
        return session;
    }

    @Override
    public void typed(byte value) {
        GuestInput to = input();
        if (to != null) {
            to.type(value);
        }
    }

    @Override
    public void piped(byte value) throws InterruptedException {
        GuestInput to = input();
        if (to != null) {
            to.typeOrWait(value);
        }
    }

    @Override
    public void ended() throws InterruptedException {
        if (endsWithInput) {
            piped(StandardInput.END);
        }
    }

    @Override
    public void quit() {
        GuestSession of = session();
        if (of != null) {
            of.quit();
        }
    }

    @Override
    public void powerButton() {
        GuestSession of = session();
        if (of != null) {
            of.powerButton();
        }
    }

    @Override
    public void help() {
        streams.say(HELP);
    }
}
