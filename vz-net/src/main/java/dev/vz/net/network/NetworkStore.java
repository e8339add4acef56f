package dev.vz.net.network;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.net.MacAddress;
import dev.vz.net.definition.AddressDefinition;
import dev.vz.net.definition.NetworkDefinition;
import dev.vz.net.definition.NetworkDefinition.Bridge;
import dev.vz.net.definition.NetworkDefinition.Mode;
import dev.vz.net.definition.NetworkXml;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Definitions of networks in a folder, one XML file each, and marks for those that start by themselves. A change is whole or
 * did not happen, and two processes do not change the folder at the same time. Any thread may call.
 */
public final class NetworkStore {

    private static final String SUFFIX = ".xml";

    private final Path folder;
    private final Path autostart;
    private final SecureRandom random = new SecureRandom();

    /** The store in {@code folder}, which is made if it is not there. */
    public NetworkStore(Path folder) {
        this.folder = folder;
        autostart = folder.resolve("autostart");
        try {
            Files.createDirectories(autostart);
        } catch (IOException failure) {
            throw new HostException("making the folder of networks", folder.toString(), failure);
        }
    }

    /**
     * Keeps a definition, in place of an earlier one of the same name. What it leaves open is chosen now and stays: its
     * identity, its bridge's name, the address of the host's interface.
     *
     * @return the definition as it is kept
     * @throws ConfigurationException if another network has its identity, its bridge, or a part of its addresses
     */
    public NetworkDefinition define(NetworkDefinition network) {
        return locked(() -> {
            Optional<NetworkDefinition> before = find(network.name());
            UUID uuid = network.uuid();
            if (before.isPresent() && uuid != null && !uuid.equals(before.get().uuid())) {
                throw new ConfigurationException("There is a network " + network.name() + " already, with the identity "
                        + before.get().uuid() + "; leave the new one's out, or undefine the old one");
            }
            NetworkDefinition whole = complete(network, before.orElse(null));
            for (NetworkDefinition other : list()) {
                if (!other.name().equals(whole.name())) {
                    requireApart(whole, other);
                }
            }
            write(folder.resolve(whole.name() + SUFFIX), NetworkXml.write(whole));
            return whole;
        });
    }

    private NetworkDefinition complete(NetworkDefinition network, @Nullable NetworkDefinition before) {
        NetworkDefinition whole = network;
        if (whole.uuid() == null) {
            UUID kept = before == null ? null : before.uuid();
            whole = whole.withUuid(kept == null ? UUID.randomUUID() : kept);
        }
        if (whole.forward() != null && whole.forward().mode() == Mode.BRIDGE) {
            return whole;
        }
        Bridge bridge = whole.bridge();
        if (bridge == null || bridge.name() == null) {
            Bridge kept = before == null ? null : before.bridge();
            String name = kept == null || kept.name() == null ? freeBridge() : kept.name();
            whole = whole.withBridge(new Bridge(name, bridge == null || bridge.spanningTree(),
                    bridge == null ? 0 : bridge.delay()));
        }
        if (whole.mac() == null) {
            // The prefix of QEMU's and libvirt's addresses.
            MacAddress kept = before == null ? null : before.mac();
            whole = whole.withMac(kept == null ? new MacAddress(0x5254_0000_0000L | random.nextInt(1 << 24)) : kept);
        }
        return whole;
    }

    private String freeBridge() {
        List<String> taken = list().stream().map(NetworkDefinition::bridge).filter(Objects::nonNull).map(Bridge::name)
                .filter(Objects::nonNull).toList();
        for (int i = 0;; i++) {
            String name = "virbr" + i;
            if (!taken.contains(name) && !Files.exists(Path.of("/sys/class/net", name))) {
                return name;
            }
        }
    }

    private static void requireApart(NetworkDefinition one, NetworkDefinition other) {
        if (Objects.equals(one.uuid(), other.uuid())) {
            throw new ConfigurationException("The networks " + one.name() + " and " + other.name()
                    + " would have the same identity " + one.uuid());
        }
        boolean shared = other.forward() != null && other.forward().mode() == Mode.BRIDGE;
        if (!shared && one.bridge() != null && other.bridge() != null
                && Objects.equals(one.bridge().name(), other.bridge().name())) {
            throw new ConfigurationException("The networks " + one.name() + " and " + other.name()
                    + " would have the same bridge " + one.bridge().name());
        }
        for (AddressDefinition mine : one.addresses()) {
            for (AddressDefinition theirs : other.addresses()) {
                if (mine.address().overlaps(theirs.address())) {
                    throw new ConfigurationException("The networks " + one.name() + " (" + mine.address() + ") and "
                            + other.name() + " (" + theirs.address() + ") overlap; use other addresses");
                }
            }
        }
    }

    /** Forgets a network. */
    public void undefine(String name) {
        locked(() -> {
            require(name);
            try {
                Files.deleteIfExists(autostart.resolve(name));
                Files.delete(folder.resolve(name + SUFFIX));
            } catch (IOException failure) {
                throw new HostException("forgetting network " + name + " in", folder.toString(), failure);
            }
            return name;
        });
    }

    /** The network of that name, if there is one. */
    public Optional<NetworkDefinition> find(String name) {
        if (name.isEmpty() || name.indexOf('/') >= 0 || name.indexOf('\0') >= 0) {
            return Optional.empty();
        }
        Path file = folder.resolve(name + SUFFIX);
        return Files.isRegularFile(file) ? Optional.of(NetworkXml.read(file)) : Optional.empty();
    }

    /**
     * The network of that name.
     *
     * @throws ConfigurationException if there is none
     */
    public NetworkDefinition require(String name) {
        return find(name)
                .orElseThrow(() -> new ConfigurationException("There is no network \"" + name + "\"; there are "
                        + list().stream().map(NetworkDefinition::name).toList()));
    }

    /** All networks, by name. */
    public List<NetworkDefinition> list() {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(SUFFIX) && Files.isRegularFile(file)).sorted()
                    .map(NetworkXml::read).toList();
        } catch (IOException failure) {
            throw new HostException("listing networks in", folder.toString(), failure);
        }
    }

    /** Whether the network starts by itself. */
    public boolean isAutostart(String name) {
        require(name);
        return Files.exists(autostart.resolve(name));
    }

    /** Says whether the network starts by itself. */
    public void setAutostart(String name, boolean on) {
        locked(() -> {
            require(name);
            try {
                if (on) {
                    write(autostart.resolve(name), "");
                } else {
                    Files.deleteIfExists(autostart.resolve(name));
                }
            } catch (IOException failure) {
                throw new HostException("changing the autostart of network " + name + " in", autostart.toString(),
                        failure);
            }
            return name;
        });
    }

    private void write(Path file, String text) {
        Path draft = folder.resolve(".draft");
        try {
            try (FileChannel channel = FileChannel.open(draft, StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
                var bytes = StandardCharsets.UTF_8.encode(text);
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(true);
            }
            Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException failure) {
            throw new HostException("writing a network's definition to", file.toString(), failure);
        }
    }

    private synchronized <T> T locked(Supplier<T> work) {
        try (FileChannel channel = FileChannel.open(folder.resolve(".lock"), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE); var lock = channel.lock()) {
            Objects.requireNonNull(lock);
            return work.get();
        } catch (IOException failure) {
            throw new HostException("locking the folder of networks", folder.toString(), failure);
        }
    }
}
