package dev.vz.linux.call;

import java.lang.invoke.MethodHandle;

/**
 * A linked function of the C library.
 *
 * <p>
 * Every downcall makes a view of the segment that receives errno, and one of the data. The compiler removes them only where
 * it looks at the call by itself: inlined into a caller with much else in it, they stay, and every call leaves garbage. A
 * handle in a field that could change is called and not inlined, and is compiled by itself. That costs about a nanosecond.
 */
final class NativeFunction {

    /** Not final on purpose: see above. Never changed. */
    @SuppressWarnings("FieldMayBeFinal")
    private MethodHandle handle;

    NativeFunction(MethodHandle handle) {
        this.handle = handle;
    }

    /** The downcall. */
    MethodHandle handle() {
        return handle;
    }
}
