package dev.vz.storage.image;

import dev.vz.error.HostException;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.file.ImageFile;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Decides which files an image may draw in besides its own.
 *
 * <p>
 * An image is untrusted: it can name any file of the host, such as a backing file that holds another machine's secrets.
 * Nothing that an image names is opened except by a gate.
 */
@FunctionalInterface
public interface FileGate {

    /**
     * What is behind the gate.
     *
     * @param file   open; whoever asked closes it
     * @param format how to read it
     */
    record Grant(ImageFile file, ImageFormat format) {}

    /**
     * Opens the file that {@code wanted} stands for.
     *
     * @param writable whether it is to be written
     * @throws OpenPolicyException if it may not be opened
     */
    Grant open(ImpliedFile wanted, boolean writable);

    /** The backing image that the caller puts below {@code image}, which names none; most put nothing there. */
    default Optional<ImpliedFile> unnamedBacking(ImageFile image) {
        return Optional.empty();
    }

    /** Lets nothing through. */
    static FileGate refusing() {
        return (wanted, writable) -> {
            throw new OpenPolicyException("Not opening " + wanted
                    + ": files that an image names are opened only through a gate that the caller gives");
        };
    }

    /**
     * Lets files through that lie in {@code folder} or below it, symbolic links followed. Relative names start at the
     * folder of the image that states them. The format must be stated by the image.
     */
    static FileGate within(Path folder) {
        return (wanted, writable) -> {
            Path real = resolve(wanted);
            try {
                if (!real.startsWith(folder.toRealPath())) {
                    throw new OpenPolicyException("Not opening " + wanted + ": it is " + real + ", which is not within "
                            + folder);
                }
            } catch (IOException failure) {
                throw new HostException("resolving a folder", folder.toString(), failure);
            }
            return grant(real, wanted, writable);
        };
    }

    /** Lets everything through, for images whose origin is trusted. The format must be stated by the image. */
    static FileGate open() {
        return (wanted, writable) -> grant(resolve(wanted), wanted, writable);
    }

    private static Grant grant(Path real, ImpliedFile wanted, boolean writable) {
        return new Grant(HostFile.open(real, !writable), statedFormat(wanted));
    }

    private static ImageFormat statedFormat(ImpliedFile wanted) {
        if (wanted.role() != ImpliedFile.Role.BACKING) {
            return ImageFormat.RAW;
        }
        String format = wanted.format();
        if (format == null) {
            throw new OpenPolicyException("Not opening " + wanted + ": its format is not stated, and guessing it would "
                    + "let a guest choose it; state the format with a gate of your own or rewrite the image with one");
        }
        return ImageFormat.ofLabel(format);
    }

    private static Path resolve(ImpliedFile wanted) {
        try {
            String name = wanted.name().startsWith("file:") ? wanted.name().substring(5) : wanted.name();
            return Path.of(wanted.owner()).toAbsolutePath().resolveSibling(name).toRealPath();
        } catch (InvalidPathException failure) {
            throw new OpenPolicyException("Not opening " + wanted + ": that is not a file name");
        } catch (IOException failure) {
            throw new HostException("opening " + wanted, wanted.name(), failure);
        }
    }
}
