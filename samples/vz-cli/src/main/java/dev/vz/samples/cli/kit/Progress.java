package dev.vz.samples.cli.kit;

/** Tells a person what is being waited for. Calls come from one thread. */
public interface Progress {

    /** Says nothing. */
    Progress SILENT = new Progress() {
        @Override
        public void step(String what) {}

        @Override
        public void update(String detail) {}

        @Override
        public void finish() {}
    };

    /** Something begins that takes a while; it ends the step before. */
    void step(String what);

    /** How far the step is, for example {@code "12.3 of 26.7 MB"}; a hundred calls a second do no harm. */
    void update(String detail);

    /** The last step ended. */
    void finish();
}
