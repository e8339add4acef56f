package dev.vz.virtio.fs;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The nodes that a guest holds, by number and by place. Used by one thread at a time. */
final class NodeTable {

    /** The most that a guest may hold. */
    static final int MOST = 1 << 20;

    private record Place(long parent, String name) {}

    private final Map<Long, Node> byId = new HashMap<>();
    private final Map<Place, Node> byPlace = new HashMap<>();
    private final Node root = new Node(Node.ROOT, null, "");
    private long nextId = Node.ROOT + 1;

    NodeTable() {
        clear();
    }

    Node root() {
        return root;
    }

    void clear() {
        byId.clear();
        byPlace.clear();
        root.children = 0;
        byId.put(Node.ROOT, root);
    }

    Collection<Node> all() {
        return byId.values();
    }

    long nextId() {
        return nextId;
    }

    Node require(long id) throws FuseException {
        Node node = byId.get(id);
        if (node == null) {
            throw new FuseException(FuseException.ESTALE);
        }
        return node;
    }

    /** The node at this place, with one more reference. */
    Node look(Node parent, String name) throws FuseException {
        Node node = byPlace.get(new Place(parent.id(), name));
        if (node == null) {
            if (byId.size() >= MOST) {
                throw new FuseException(FuseException.ENFILE);
            }
            node = put(nextId++, parent, name);
        }
        node.lookups++;
        return node;
    }

    private Node put(long id, Node parent, String name) {
        var node = new Node(id, parent, name);
        byId.put(id, node);
        byPlace.put(new Place(parent.id(), name), node);
        parent.children++;
        return node;
    }

    /** Puts a saved node back; its parent comes before it. */
    @Nullable
    Node restore(long id, long parentId, String name, long lookups, boolean linked) {
        Node parent = byId.get(parentId);
        if (parent == null || byId.containsKey(id) || id <= Node.ROOT || id >= Long.MAX_VALUE
                || !FuseReader.isName(name)) {
            return null;
        }
        Node node = put(id, parent, name);
        if (!linked) {
            byPlace.remove(new Place(parentId, name));
        }
        node.lookups = lookups;
        nextId = Math.max(nextId, id + 1);
        return node;
    }

    boolean isLinked(Node node) {
        Node parent = node.parent();
        return parent != null && byPlace.get(new Place(parent.id(), node.name())) == node;
    }

    /** The guest gives up {@code count} references; what is not referred to any more is returned. */
    List<Node> forget(long id, long count) {
        Node node = byId.get(id);
        List<Node> gone = new ArrayList<>();
        if (node == null || node == root) {
            return gone;
        }
        node.lookups = count < 0 || count >= node.lookups ? 0 : node.lookups - count;
        while (node != null && node != root && node.lookups == 0 && node.children == 0) {
            Node parent = node.parent();
            byId.remove(node.id());
            if (parent != null) {
                byPlace.remove(new Place(parent.id(), node.name()), node);
                parent.children--;
            }
            gone.add(node);
            node = parent;
        }
        return gone;
    }

    /** What is at this place is unlinked; the guest may hold on to its number. */
    @Nullable
    Node unlink(Node parent, String name) {
        return byPlace.remove(new Place(parent.id(), name));
    }

    /** What is at one place is at the other from now on. */
    @Nullable
    Node move(Node from, String name, Node to, String newName) {
        Node node = byPlace.remove(new Place(from.id(), name));
        byPlace.remove(new Place(to.id(), newName));
        if (node != null) {
            from.children--;
            to.children++;
            node.move(to, newName);
            byPlace.put(new Place(to.id(), newName), node);
        }
        return node;
    }
}
