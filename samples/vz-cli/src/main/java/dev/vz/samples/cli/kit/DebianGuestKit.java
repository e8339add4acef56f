package dev.vz.samples.cli.kit;

import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * An unmodified Debian kernel with its modules, and {@code busybox-static}: all it takes to boot a guest into a shell.
 *
 * @param root    where both packages are unpacked
 * @param kernel  the kernel, a bzImage
 * @param release its release, for example {@code "6.1.0-42-cloud-amd64"}
 */
public record DebianGuestKit(Path root, Path kernel, String release) {

    private static final String ITEM = "debian-guest-kit";
    private static final String STANDARD_ITEM = "debian-standard-kit";
    private static final String KERNEL_META_PACKAGE = "linux-image-cloud-amd64";
    private static final String STANDARD_META_PACKAGE = "linux-image-amd64";
    private static final String KERNEL_PREFIX = "linux-image-";
    private static final String KERNEL_FILE = "vmlinuz-";

    /**
     * The kit in {@code cache} with the kernel for virtual machines ({@code linux-image-*-cloud-amd64}); fetched if it is
     * not there yet, without the network if it is. Delete its folder to fetch newer packages.
     *
     * @throws dev.vz.error.CapabilityException if apt or the packages are not there; the message says what to do
     * @throws HostException                    if the cache folder cannot be written
     */
    public static DebianGuestKit in(CacheFolder cache, Progress progress) {
        return in(cache, ITEM, KERNEL_META_PACKAGE, progress);
    }

    /** The same with the kernel for all machines ({@code linux-image-*-amd64}), which has drivers for displays and more. */
    public static DebianGuestKit standardIn(CacheFolder cache, Progress progress) {
        return in(cache, STANDARD_ITEM, STANDARD_META_PACKAGE, progress);
    }

    private static DebianGuestKit in(CacheFolder cache, String item, String metaPackage, Progress progress) {
        Path root = cache.item(item, folder -> fetch(folder, metaPackage, new AptPackages(progress)),
                () -> progress.step("waiting for another vz that fetches the guest kit"));
        progress.finish();
        return open(root);
    }

    private static void fetch(Path folder, String metaPackage, AptPackages packages) {
        String kernel = packages.concrete(metaPackage, KERNEL_PREFIX);
        List<Path> files = packages.download(folder, List.of(kernel, "busybox-static"));
        for (Path file : files) {
            packages.unpack(file, folder);
            try {
                Files.delete(file);
            } catch (IOException failure) {
                throw new HostException("deleting an unpacked package", file.toString(), failure);
            }
        }
        open(folder);
    }

    /** The kit unpacked in {@code root}. */
    static DebianGuestKit open(Path root) {
        Path boot = root.resolve("boot");
        try (Stream<Path> files = Files.isDirectory(boot) ? Files.list(boot) : Stream.of()) {
            List<Path> kernels = files.filter(file -> file.getFileName().toString().startsWith(KERNEL_FILE)).toList();
            Path busybox = root.resolve("bin/busybox");
            if (kernels.size() != 1 || !Files.isRegularFile(busybox)) {
                throw new FormatException("The guest kit in " + root + " has " + kernels.size() + " kernels and "
                        + (Files.isRegularFile(busybox) ? "a" : "no") + " busybox, expected one of each; delete the "
                        + "folder, and the next run fetches it again");
            }
            Path kernel = kernels.getFirst();
            return new DebianGuestKit(root, kernel, kernel.getFileName().toString().substring(KERNEL_FILE.length()));
        } catch (IOException failure) {
            throw new HostException("looking for the guest kit's kernel", boot.toString(), failure);
        }
    }

    /** The statically linked busybox. */
    public Path busybox() {
        return root.resolve("bin/busybox");
    }

    /** Where the kernel's modules lie: {@code kernel/…/NAME.ko}. */
    public Path modules() {
        return root.resolve("lib/modules").resolve(release);
    }
}
