package dev.vz.linux.call;

import java.nio.charset.Charset;

/** How text travels to the kernel. */
public final class NativeStrings {

    /** The charset in which this JVM writes file names. */
    public static final Charset FILE_NAMES = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

    private NativeStrings() {}
}
