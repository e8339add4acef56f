package dev.vz.linux.call;

import java.lang.foreign.MemorySegment;

/** Terminals. Every method returns the function's result, or errno negated. */
public final class TerminalCalls {

    private TerminalCalls() {}

    /** tcgetattr(3). */
    public static int tcgetattr(int terminal, MemorySegment attributes) {
        return CallState.current().callInt(Words.TCGETATTR, terminal, attributes.address());
    }

    /** tcsetattr(3). */
    public static int tcsetattr(int terminal, int when, MemorySegment attributes) {
        return CallState.current().callInt(Words.TCSETATTR, terminal, when, attributes.address());
    }

    private static final class Words {
        static final NativeFunction TCGETATTR = Linkage.words("tcgetattr");
        static final NativeFunction TCSETATTR = Linkage.words("tcsetattr");
    }
}
