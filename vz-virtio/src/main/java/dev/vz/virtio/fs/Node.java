package dev.vz.virtio.fs;

import org.jspecify.annotations.Nullable;

/** A file that the guest knows by number: a name in a directory, which may change. */
final class Node {

    static final long ROOT = 1;

    private final long id;
    private @Nullable Node parent;
    private String name;
    /** References that the guest holds (FUSE: nlookup). */
    long lookups;
    /** Nodes below that are known. */
    int children;

    Node(long id, @Nullable Node parent, String name) {
        this.id = id;
        this.parent = parent;
        this.name = name;
    }

    long id() {
        return id;
    }

    @Nullable
    Node parent() {
        return parent;
    }

    String name() {
        return name;
    }

    void move(Node parent, String name) {
        this.parent = parent;
        this.name = name;
    }

    /** Whether it is {@code other} or below it. */
    boolean isIn(Node other) {
        for (Node at = this; at != null; at = at.parent) {
            if (at == other) {
                return true;
            }
        }
        return false;
    }

    @Override
    public String toString() {
        return "node " + id + " \"" + name + "\"";
    }
}
