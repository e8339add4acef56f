package dev.vz.samples.cli.guest;

import dev.vz.error.GuestException;
import dev.vz.error.HostException;
import dev.vz.error.VzException;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.machine.MachineOutcome;
import dev.vz.machine.boot.LinuxBoot;
import dev.vz.samples.cli.console.ProgressLine;
import dev.vz.samples.cli.console.RawTerminal;
import dev.vz.samples.cli.kit.CacheFolder;
import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.Progress;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What {@code vz boot} does: chooses a back end, gets the guest together, runs it, and says how it ended. */
public final class GuestRun {

    private static final int POWERED_OFF = 0;
    private static final String SOFTWARE = "emulator";

    private final GuestOptions options;
    private final HostStreams streams;
    private @Nullable DebianGuestKit kit;

    /** A run with {@code options} on the streams of this process. */
    public GuestRun(GuestOptions options) {
        this(options, HostStreams.ofProcess());
    }

    GuestRun(GuestOptions options, HostStreams streams) {
        this.options = options;
        this.streams = streams;
    }

    /**
     * Runs the guest to its end.
     *
     * @return 0 if it powered off, or the exit status of its command
     * @throws dev.vz.error.VzException if it could not be run, or ended otherwise; the message says why in one line
     */
    public int run() {
        BackendChoice choice = choose();
        String marker = "vz-" + HexFormat.of().formatHex(random());
        LinuxBoot boot = GuestBoot.of(options, this::kit, streams.terminal(), marker,
                choice.hypervisor().name().equals(SOFTWARE));
        boolean interactive = options.exec() == null;
        try (RawTerminal _ = interactive && streams.inIsTerminal() ? rawTerminal() : null) {
            var typist = new Typist(streams, GuestBoot.usesKit(options));
            while (true) {
                var session = new GuestSession(options, streams);
                GuestEnd end = session.run(choice.hypervisor(), boot, marker, typist);
                if (!interactive || !restarts(end, session)) {
                    return status(end, session);
                }
                streams.say("the guest restarts");
            }
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw new HostException("waiting for the guest", "thread", interruption);
        }
    }

    private BackendChoice choose() {
        var needed = BackendChoice.needed(options.cpus());
        if (!options.backend().equals(GuestOptions.AUTOMATIC)) {
            return BackendChoice.named(Hypervisors.all(), options.backend(), needed);
        }
        BackendChoice choice = BackendChoice.automatic(Hypervisors.all(), needed);
        streams.say(choice.explanation());
        return choice;
    }

    private RawTerminal rawTerminal() {
        streams.say(Typist.HELP);
        return RawTerminal.open();
    }

    private DebianGuestKit kit() {
        if (kit == null) {
            Progress progress = new ProgressLine(streams.messages(), streams.errIsTerminal(), options.verbose());
            try {
                kit = DebianGuestKit.in(CacheFolder.of(streams.environment()), progress);
            } finally {
                progress.finish();
            }
        }
        return kit;
    }

    private static byte[] random() {
        var bytes = new byte[12];
        new SecureRandom().nextBytes(bytes);
        return bytes;
    }

    private static boolean restarts(GuestEnd end, GuestSession session) {
        return end instanceof GuestEnd.ByItself(MachineOutcome.Reset _) && session.log().panic().isEmpty();
    }

    private int status(GuestEnd end, GuestSession session) {
        if (session.status().isPresent()) {
            return session.status().getAsInt();
        }
        return switch (end) {
            case GuestEnd.ByItself(MachineOutcome outcome) -> endedByItself(outcome, session);
            case GuestEnd.Quit _ -> POWERED_OFF;
            case GuestEnd.Failed(String why) -> throw new GuestException(why);
            case GuestEnd.TimedOut(Duration limit) -> throw failure("the guest did not end within "
                    + limit.toMillis() / 1e3 + " s (--timeout)", session, null);
            case GuestEnd.Lingering _ ->
                    throw failure("the guest's command has ended, the guest has not", session, null);
        };
    }

    private int endedByItself(MachineOutcome outcome, GuestSession session) {
        Optional<String> panic = session.log().panic();
        if (panic.isPresent()) {
            throw new GuestException("the guest's kernel gave up: " + panic.get()
                    + "; --verbose shows what led to it");
        }
        String command = session.begun() ? " before its command had ended" : " before its command was started";
        return switch (outcome) {
            case MachineOutcome.PoweredOff _ -> {
                if (options.exec() != null) {
                    throw failure("the guest powered off" + command, session, null);
                }
                yield POWERED_OFF;
            }
            case MachineOutcome.Reset(String source) ->
                    throw failure("the guest reset itself through " + source + command,
                            session, null);
            case MachineOutcome.Crashed(int vcpu, var _, VzException error) -> throw failure("the guest crashed"
                    + (vcpu < 0 ? "" : " on processor " + vcpu) + ": " + error.getMessage(), session, error);
            case MachineOutcome.DebugExit(int value) -> throw failure("the guest wrote " + value
                    + " to the debug exit port, which this machine does not have", session, null);
            case MachineOutcome.Stopped _ -> throw failure("the guest was stopped", session, null);
        };
    }

    private static GuestException failure(String what, GuestSession session, @Nullable VzException cause) {
        return new GuestException(what + session.log().lastLine()
                .map(line -> "; the last its console said: " + line).orElse("; its console said nothing"), cause);
    }
}
