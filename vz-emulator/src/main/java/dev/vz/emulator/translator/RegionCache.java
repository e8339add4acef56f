package dev.vz.emulator.translator;

import dev.vz.emulator.cpu.Block;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Translation;
import dev.vz.emulator.cpu.Translator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * The regions of one processor: decides when a block is worth it, has regions made in the background, puts them into place
 * and takes them away. Bounded: when there are too many, all are forgotten and the hot ones come back. A page whose regions
 * are dropped again and again because the guest rewrites it has to be ever hotter for the next one.
 *
 * <p>
 * Belongs to the processor's thread; only {@link #made} and {@link #failed} are called by others.
 */
public final class RegionCache implements Translator {

    /**
     * Instructions that are executed in a block before it is translated: some ten milliseconds of the interpreter, about
     * what making and compiling a region costs. With a tenth of it a boot takes twice as long.
     */
    public static final int THRESHOLD = 800_000;
    /** About 25 KiB of class data, bytecode and compiled code each. */
    private static final int MOST_REGIONS = 3000;
    private static final int PAGES = 4096;
    private static final int MEMBER_RELUCTANCE = 4;
    /**
     * Of what the regions around a block have executed, so much has to have been executed in the block outside them before it
     * gets a region of its own: a region that is left in the midst of its loops goes on there in the interpreter, which is no
     * reason to translate the same loops again from there. Regions that overlap are what the compilers suffer from most.
     */
    private static final int MEMBER_SHARE = 16;

    private final Cpu c;
    private final Workshop workshop;
    private final Heat heat;
    private final long begun = System.nanoTime();
    private final int mostRegions;
    private final @Nullable LockstepReport report;
    private final RegionPlanner planner;
    private final Queue<Runnable> ready = new ConcurrentLinkedQueue<>();
    private final List<Region> regions = new ArrayList<>();
    private final int[] drops = new int[PAGES];
    /** The blocks of regions that are being made, and the plan in which each is. */
    private final IdentityHashMap<Block, RegionPlan> planned = new IdentityHashMap<>();
    private long retired;
    private long made;

    /** Holds the place of a region that is being made. */
    private static final class Pending implements Translation {
        @Override
        public void found(Block block) {
            // The block is interpreted until its region is ready.
        }

        @Override
        public void drop() {
            // Whether the code is still in place is looked at when the region is put into place.
        }
    }

    /** Gives a processor an empty cache: code is translated once {@code threshold} of its instructions were executed. */
    public static void attach(Cpu c, int threshold) {
        c.translator = new RegionCache(c, Workshop.shared(), threshold);
    }

    /** Makes an empty cache with another threshold, in instructions. */
    RegionCache(Cpu c, Workshop workshop, int threshold) {
        this(c, workshop, Heat.of(threshold), MOST_REGIONS);
    }

    /** Makes an empty cache that holds so many regions. */
    RegionCache(Cpu c, Workshop workshop, Heat heat, int mostRegions) {
        this.c = c;
        this.mostRegions = mostRegions;
        this.workshop = workshop;
        this.heat = heat;
        report = LockstepReport.ofProperty();
        planner = new RegionPlanner(c, report != null);
    }

    @Override
    public void hot(Block block) {
        long count = block.executions;
        if (block.translation != null || (count & count - 1) != 0 || planned.containsKey(block)) {
            return;
        }
        if (!isWorth(block, count * block.count)) {
            return;
        }
        RegionPlan plan = planner.plan(block, heat.worthwhile() > 0);
        if (plan != null && submit(plan)) {
            block.translation = new Pending();
        }
    }

    /** Whether a region that begins with {@code block}, in which the interpreter has executed {@code work} instructions, is. */
    private boolean isWorth(Block block, long work) {
        int reluctance = drops[page(block)] / 4;
        List<Translation> around = block.translations;
        if (around != null && !around.isEmpty()) {
            reluctance += MEMBER_RELUCTANCE; // mostly it runs inside a region
            for (Translation translation : around) {
                if (translation instanceof Region region && region.outside(block) < Math
                        .min(region.work() / MEMBER_SHARE, (long) MEMBER_RELUCTANCE * heat.threshold())) {
                    return false;
                }
            }
        }
        int needed = System.nanoTime() - begun < heat.settledNanos() ? heat.threshold() : heat.settled();
        return work / needed > reluctance;
    }

    private boolean submit(RegionPlan plan) {
        if (!workshop.submit(plan, this)) {
            return false;
        }
        for (RegionPlan.Part part : plan.parts()) {
            planned.put(part.block(), plan);
        }
        return true;
    }

    @SuppressWarnings("ReferenceEquality") // to compare all that two plans hold would take long
    private void done(RegionPlan plan) {
        planned.values().removeIf(other -> other == plan);
    }

    /** When code is translated. */
    Heat heat() {
        return heat;
    }

    /**
     * {@code region}, which has just been left, makes its accesses by calls, and has worked so much that another should be
     * made in its place. It is planned at once, not when the processor looks up next: the instruction behind the region can
     * be a system call, and the code of user mode is not to be planned in a kernel's.
     */
    @SuppressWarnings("ReferenceEquality") // a region is nothing but itself
    void worthwhile(Region region) {
        Block entry = region.entry();
        if (region.isDropped() || entry.translation != region) {
            return;
        }
        RegionPlan plan = entry.stamp == c.stamp ? planner.plan(entry, false) : null;
        if (plan == null || !submit(plan)) {
            region.postpone();
        }
    }

    private static int page(Block block) {
        return (int) (block.physical() >>> 12) & PAGES - 1;
    }

    /** The region of {@code plan} is ready to be put into place. Any thread. */
    void made(RegionPlan plan, Region region) {
        ready.add(() -> {
            done(plan);
            place(region);
        });
        c.attend(Cpu.ATTEND_TRANSLATION);
    }

    /** A region could not be made. Any thread. */
    void failed(RegionPlan plan) {
        ready.add(() -> {
            done(plan);
            if (plan.entry().translation instanceof Pending) {
                plan.entry().translation = null;
            }
        });
        c.attend(Cpu.ATTEND_TRANSLATION);
    }

    @Override
    public void install() {
        Runnable next = ready.poll();
        while (next != null) {
            next.run();
            next = ready.poll();
        }
    }

    private void place(Region region) {
        Block entry = region.entry();
        if (entry.translation instanceof Region before && before.isDistant() && !region.isDistant()) {
            retired += before.executed();
            region.inherit(before);
            before.forget();
            regions.remove(before);
        } else if (!(entry.translation instanceof Pending)) {
            return;
        }
        entry.translation = null;
        if (regions.size() >= mostRegions) {
            removeDropped();
            if (regions.size() >= mostRegions) {
                clear();
            }
        }
        if (!region.install()) {
            return;
        }
        for (Block block : region.blocks()) {
            if (block.translations == null) {
                block.translations = new ArrayList<>(2);
            }
            block.translations.add(region);
        }
        regions.add(region);
        made++;
    }

    private void removeDropped() {
        for (Region region : regions) {
            if (region.isDropped()) {
                retired += region.executed();
            }
        }
        regions.removeIf(Region::isDropped);
    }

    /** {@code region} was dropped because a block of it was. */
    void dropped(Region region) {
        drops[page(region.entry())]++;
    }

    @Override
    public void clear() {
        for (Region region : regions) {
            region.forget();
            retired += region.executed();
        }
        regions.clear();
        Arrays.fill(drops, 0);
    }

    @Override
    public long retired() {
        long sum = retired;
        for (Region region : regions) {
            sum += region.executed();
        }
        return sum;
    }

    /** What is told of each comparison with the interpreter; {@code null} if regions are not compared. */
    @Nullable
    LockstepReport report() {
        return report;
    }

    /** The regions that are held. */
    List<Region> regions() {
        return List.copyOf(regions);
    }

    /** How many regions are held. */
    int size() {
        return regions.size();
    }

    /** How many regions have been put into place since the beginning. */
    public long made() {
        return made;
    }
}
