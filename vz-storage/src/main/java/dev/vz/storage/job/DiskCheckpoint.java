package dev.vz.storage.job;

import dev.vz.storage.DiskImage;
import dev.vz.storage.filter.SwitchDevice;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.UnaryOperator;

/** One moment of several disks in use: all of them get a new image on top, or none does. */
public final class DiskCheckpoint {

    private DiskCheckpoint() {}

    /**
     * A disk of a checkpoint.
     *
     * @param chain   the disk
     * @param overlay makes its new image over the one that it gets, with {@link DiskImage#over}
     */
    public record Part(DiskChain chain, UnaryOperator<DiskImage> overlay) {}

    /**
     * Lets the requests of all disks wait, flushes, puts the new images on top and goes on. A request that was complete
     * when another one, to any of the disks, was submitted is in the checkpoint if that one is. If a part fails, all disks
     * go on as they were, and the images that were made are closed; only recording, which comes last, ends it in between.
     *
     * @throws dev.vz.error.LifecycleException if a job runs on one of the disks
     */
    public static void take(List<Part> parts) {
        // In the order of all such devices, lest two checkpoints wait for each other.
        List<Part> ordered = parts.stream()
                .sorted(Comparator.comparing((Part part) -> part.chain().switchDevice(), SwitchDevice.ORDER)).toList();
        List<DiskChain> begun = new ArrayList<>();
        List<SwitchDevice.Pause> pauses = new ArrayList<>();
        try {
            for (Part part : ordered) {
                part.chain().begin("A checkpoint");
                begun.add(part.chain());
            }
            for (Part part : ordered) {
                pauses.add(part.chain().switchDevice().pause());
            }
            List<DiskImage> made = grow(ordered);
            for (int i = 0; i < made.size(); i++) {
                ordered.get(i).chain().adopt(made.get(i));
                pauses.get(i).goOnWith(made.get(i));
            }
        } finally {
            pauses.forEach(SwitchDevice.Pause::close);
            begun.forEach(DiskChain::end);
        }
    }

    private static List<DiskImage> grow(List<Part> parts) {
        List<DiskImage> made = new ArrayList<>();
        boolean all = false;
        try {
            for (Part part : parts) {
                made.add(part.chain().grow(part.overlay()));
            }
            all = true;
            return made;
        } finally {
            if (!all) {
                for (DiskImage image : made) {
                    image.detach();
                    image.close();
                }
            }
        }
    }
}
