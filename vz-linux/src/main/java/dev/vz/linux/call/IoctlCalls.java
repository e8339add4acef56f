package dev.vz.linux.call;

import java.lang.foreign.MemorySegment;

/** ioctl(2), which is variadic and on the hottest path there is: the vCPU's run loop. */
public final class IoctlCalls {

    private IoctlCalls() {}

    /** ioctl with an integer, or with no argument (0). Result, or errno negated. */
    public static int ioctl(int descriptor, long request, long argument) {
        CallState state = CallState.current();
        try {
            int result = (int) Word.IOCTL.handle().invokeExact(state.capture(), descriptor, request, argument);
            return result == -1 ? -state.errno() : result;
        } catch (Throwable thrown) {
            throw CallState.rethrow(thrown);
        }
    }

    /** ioctl with a structure, kept alive during the call. Result, or errno negated. */
    public static int ioctl(int descriptor, long request, MemorySegment argument) {
        CallState state = CallState.current();
        try {
            int result = (int) Data.IOCTL.handle().invokeExact(state.capture(), descriptor, request, argument);
            return result == -1 ? -state.errno() : result;
        } catch (Throwable thrown) {
            throw CallState.rethrow(thrown);
        }
    }

    private static final class Word {
        static final NativeFunction IOCTL = Linkage.ioctlWord();
    }

    private static final class Data {
        static final NativeFunction IOCTL = Linkage.ioctlData();
    }
}
