package dev.vz.storage.qcow2;

import dev.vz.storage.image.WritePlan;

/** Gives storage to clusters that have none. */
final class Preallocation {

    private Preallocation() {}

    /** Does that for {@code length} bytes from {@code offset}, a cluster's; what is new in the file reads as zeros. */
    static void of(WritePlanner planner, long offset, long length) {
        var plan = new WritePlan();
        long at = offset;
        while (at < offset + length) {
            planner.prepare(at, offset + length - at, plan);
            if (plan.allocating()) {
                boolean grown = false;
                try {
                    long start = plan.fileOffset();
                    if (start + plan.length() > plan.file().size()) {
                        plan.file().writeZeroes(start, plan.length(), true);
                    } else if (!plan.readsZero()) {
                        plan.file().writeZeroes(start, plan.length(), false);
                    }
                    grown = true;
                } finally {
                    if (grown) {
                        planner.commitUnwritten(plan);
                    } else {
                        planner.abort(plan);
                    }
                }
            }
            at += plan.length();
        }
    }
}
