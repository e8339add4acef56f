package dev.vz.emulator.translator;

import java.util.List;

/** For each instruction of a plan, whether what it makes of the flags can be asked for: most of it never is. */
final class FlagLiveness {

    private final RegionPlan plan;
    private final Effects[][] effects;
    private final boolean[][] liveAfter;
    private final boolean[] liveAtStart;

    FlagLiveness(RegionPlan plan, Effects[][] effects) {
        this.plan = plan;
        this.effects = effects;
        int count = plan.parts().size();
        liveAfter = new boolean[count][];
        liveAtStart = new boolean[count];
        for (int i = 0; i < count; i++) {
            liveAfter[i] = new boolean[effects[i].length];
        }
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int i = count - 1; i >= 0; i--) {
                boolean live = scan(i);
                changed |= live != liveAtStart[i];
                liveAtStart[i] = live;
            }
        }
    }

    /** Whether flags are asked for behind instruction {@code i} of part {@code part}. */
    boolean after(int part, int i) {
        return liveAfter[part][i];
    }

    private boolean scan(int part) {
        boolean live = liveAtEnd(part);
        for (int i = effects[part].length - 1; i >= 0; i--) {
            Effects effect = effects[part][i];
            liveAfter[part][i] = live;
            live = effect.leaves() || effect.readsFlags() || effect.flags() != Effects.FlagEffect.ALL && live;
        }
        return live;
    }

    private boolean liveAtEnd(int part) {
        List<Long> successors = plan.parts().get(part).successors();
        // Behind a block that was cut off the region can be left, too, and an interrupt then sees the flags.
        boolean live = successors.isEmpty() || !Effects.isBranch(plan.parts().get(part).last().form.mnemonic());
        for (long ip : successors) {
            int next = plan.find(ip);
            live |= next < 0 || liveAtStart[next];
        }
        return live;
    }
}
