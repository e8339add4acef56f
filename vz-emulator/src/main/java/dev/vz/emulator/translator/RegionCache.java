package dev.vz.emulator.translator;

import dev.vz.emulator.cpu.Block;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Translation;
import dev.vz.emulator.cpu.Translator;
import java.util.ArrayList;
import java.util.Arrays;
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
        if (block.translation != null || (count & count - 1) != 0) {
            return;
        }
        int reluctance = drops[page(block)] / 4;
        if (block.translations != null && !block.translations.isEmpty()) {
            reluctance += MEMBER_RELUCTANCE; // mostly it runs inside a region
        }
        int needed = System.nanoTime() - begun < heat.settledNanos() ? heat.threshold() : heat.settled();
        if (count * block.count / needed <= reluctance) {
            return;
        }
        RegionPlan plan = planner.plan(block, heat.worthwhile() > 0);
        if (plan == null) {
            return;
        }
        block.translation = new Pending();
        if (!workshop.submit(plan, this)) {
            block.translation = null;
        }
    }

    /** When code is translated. */
    Heat heat() {
        return heat;
    }

    /** {@code region} makes its accesses by calls, and has worked so much that another should be made in its place. */
    void worthwhile(Region region) {
        ready.add(() -> again(region));
        c.attend(Cpu.ATTEND_TRANSLATION);
    }

    @SuppressWarnings("ReferenceEquality") // a region is nothing but itself
    private void again(Region region) {
        if (region.isDropped() || region.entry().translation != region) {
            return;
        }
        RegionPlan plan = planner.plan(region.entry(), false);
        if (plan != null) {
            workshop.submit(plan, this);
        }
    }

    private static int page(Block block) {
        return (int) (block.physical() >>> 12) & PAGES - 1;
    }

    /** A region is ready to be put into place. Any thread. */
    void made(Region region) {
        ready.add(() -> place(region));
        c.attend(Cpu.ATTEND_TRANSLATION);
    }

    /** A region could not be made. Any thread. */
    void failed(RegionPlan plan) {
        ready.add(() -> {
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
