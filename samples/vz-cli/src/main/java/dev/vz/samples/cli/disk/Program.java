package dev.vz.samples.cli.disk;

/** Under which name the command speaks: the tool's that it stands for, if it was started as that. */
public final class Program {

    private static volatile String name = "vz";

    private Program() {}

    /** What messages start with. */
    public static String name() {
        return name;
    }

    /** Called once when the command starts. */
    public static void startedAs(String program) {
        name = program;
    }
}
