package dev.vz.virtio.gpu;

import dev.vz.state.StateVersion;
import java.util.List;

/**
 * What a graphics device remembers beside its queues. The pixels are those of the guest's memory, from which they are
 * fetched again; what the guest drew and did not transfer yet is not lost by that.
 *
 * @param features  what was agreed on with the driver
 * @param width     of the display that the guest is offered
 * @param height    of the display that the guest is offered
 * @param resources pictures
 * @param scanout   the picture that is shown; 0 if none is
 * @param area      x, y, width and height of the part of it that is shown
 */
@StateVersion(1)
public record GpuState(long features, int width, int height, List<Resource> resources, int scanout,
        List<Integer> area) {

    /** Keeps copies. */
    public GpuState {
        resources = List.copyOf(resources);
        area = List.copyOf(area);
    }

    /**
     * A picture.
     *
     * @param id      its number
     * @param format  of its pixels (VIRTIO_GPU_FORMAT)
     * @param width   pixels
     * @param height  pixels
     * @param backing guest-physical address and length of each piece of memory behind it, one after the other
     */
    @StateVersion(1)
    public record Resource(int id, int format, int width, int height, List<Long> backing) {
        /** Keeps a copy. */
        public Resource {
            backing = List.copyOf(backing);
        }
    }
}
