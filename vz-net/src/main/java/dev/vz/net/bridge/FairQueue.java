package dev.vz.net.bridge;

import dev.vz.link.FrameBatch;
import dev.vz.net.frame.FrameStore;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Frames that wait for a port, taken in turn from each port that they came from: deficit round robin (Shreedhar and
 * Varghese), so that one sender cannot starve the others. When the room is used up, each sender still has its share of it.
 * Not thread-safe.
 */
final class FairQueue {

    private static final int QUANTUM = 2048;
    /** Two batches: one that was ready, and the one that it was made of. */
    private static final int MOST_RETURNED = 2 * FrameBatch.CAPACITY;

    private final FrameStore store;
    private final int mostBytes;
    private @Nullable Lane[] lanes = new Lane[4];
    private int[] turn = new int[4];
    private int turnStart;
    private int waitingLanes;
    private int frames;
    private long bytes;
    // Frames that were taken and came back: they go first.
    private final int[] returned = new int[MOST_RETURNED];
    private final int[] returnedTags = new int[MOST_RETURNED];
    private int returnedStart;
    private int returnedCount;
    private int takenTag;

    FairQueue(int mostBytes) {
        this.mostBytes = mostBytes;
        // Slots are larger than frames: the store has room for as many small frames as bytes, with slack.
        store = new FrameStore(2L * mostBytes + FrameStore.LARGE * 2L);
    }

    FrameStore store() {
        return store;
    }

    int frames() {
        return frames;
    }

    boolean isEmpty() {
        return frames == 0;
    }

    /** Lets a frame wait. Whether there was room. */
    boolean add(FrameBatch batch, int index, int tag, int source) {
        Lane lane = lane(source);
        int length = batch.frameLength(index);
        // A sender alone may fill the queue; with others waiting, nobody goes beyond an equal share.
        int share = mostBytes / Math.max(1, waitingLanes + (lane.count == 0 ? 1 : 0));
        if (lane.bytes + length > share || bytes + length > mostBytes) {
            return false;
        }
        int handle = store.put(batch, index);
        if (handle < 0) {
            return false;
        }
        lane.add(handle, tag);
        lane.bytes += length;
        bytes += length;
        frames++;
        if (lane.count == 1) {
            lane.deficit = 0;
            activate(source);
        }
        return true;
    }

    /** Puts back a frame that was taken and not sent. Whether there was room. */
    boolean giveBack(FrameBatch batch, int index, int tag) {
        if (returnedCount == returned.length) {
            return false;
        }
        int handle = store.put(batch, index);
        if (handle < 0) {
            return false;
        }
        int at = (returnedStart + returnedCount++) % returned.length;
        returned[at] = handle;
        returnedTags[at] = tag;
        bytes += batch.frameLength(index);
        frames++;
        return true;
    }

    /** Bytes of the next frame; 0 if there is none. */
    int nextLength() {
        if (returnedCount > 0) {
            return store.frameLength(returned[returnedStart]);
        }
        if (waitingLanes == 0) {
            return 0;
        }
        return store.frameLength(nextLane().first());
    }

    /** Takes the next frame out; its handle stays the caller's, who frees it. {@link #takenTag} belongs to it. */
    int take() {
        if (returnedCount > 0) {
            int handle = returned[returnedStart];
            takenTag = returnedTags[returnedStart];
            returnedStart = (returnedStart + 1) % returned.length;
            returnedCount--;
            return account(handle);
        }
        Lane lane = nextLane();
        int handle = lane.first();
        takenTag = lane.firstTag();
        lane.removeFirst();
        int length = store.frameLength(handle);
        lane.bytes -= length;
        lane.deficit -= length;
        if (lane.count == 0) {
            turnStart = (turnStart + 1) % turn.length;
            waitingLanes--;
        }
        return account(handle);
    }

    /** What is to become of the tag of the frame taken last, see {@link OutBatch}. */
    int takenTag() {
        return takenTag;
    }

    private int account(int handle) {
        bytes -= store.frameLength(handle);
        frames--;
        return handle;
    }

    /** The lane whose turn it is, with enough credit for its first frame: it keeps the turn while its credit lasts. */
    private Lane nextLane() {
        while (true) {
            int source = turn[turnStart];
            Lane lane = Objects.requireNonNull(lanes[source]);
            if (lane.deficit >= store.frameLength(lane.first())) {
                return lane;
            }
            // Its credit is used up: the next time round it has a quantum more.
            lane.deficit += QUANTUM;
            turnStart = (turnStart + 1) % turn.length;
            turn[(turnStart + waitingLanes - 1) % turn.length] = source;
        }
    }

    private void activate(int source) {
        if (waitingLanes == turn.length) {
            int[] more = new int[turn.length * 2];
            for (int i = 0; i < waitingLanes; i++) {
                more[i] = turn[(turnStart + i) % turn.length];
            }
            turn = more;
            turnStart = 0;
        }
        turn[(turnStart + waitingLanes++) % turn.length] = source;
    }

    private Lane lane(int source) {
        if (source >= lanes.length) {
            lanes = Arrays.copyOf(lanes, Math.max(source + 1, lanes.length * 2));
        }
        Lane lane = lanes[source];
        if (lane == null) {
            lane = new Lane();
            lanes[source] = lane;
        }
        return lane;
    }

    /** What waits from one port: a ring of handles. */
    private static final class Lane {
        private int[] handles = new int[64];
        private int[] tags = new int[64];
        private int start;
        private int count;
        private long bytes;
        private int deficit;

        int first() {
            return handles[start];
        }

        int firstTag() {
            return tags[start];
        }

        void removeFirst() {
            start = (start + 1) % handles.length;
            count--;
        }

        void add(int handle, int tag) {
            if (count == handles.length) {
                int[] moreHandles = new int[count * 2];
                int[] moreTags = new int[count * 2];
                for (int i = 0; i < count; i++) {
                    moreHandles[i] = handles[(start + i) % count];
                    moreTags[i] = tags[(start + i) % count];
                }
                handles = moreHandles;
                tags = moreTags;
                start = 0;
            }
            int at = (start + count++) % handles.length;
            handles[at] = handle;
            tags[at] = tag;
        }
    }
}
