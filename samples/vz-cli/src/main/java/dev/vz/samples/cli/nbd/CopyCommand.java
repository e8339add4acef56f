package dev.vz.samples.cli.nbd;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.nbd.NbdClient;
import dev.vz.storage.nbd.NbdClientOptions;
import dev.vz.storage.nbd.NbdUri;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vz nbd copy}: copies between exports and raw files, leaving holes out. */
@Command(name = "copy", mixinStandardHelpOptions = true, header = "Copies between NBD exports and raw files.")
final class CopyCommand implements Callable<Integer> {

    private static final int CHUNK = 4 << 20;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = {"-p", "--progress"}, description = "Show how far it is.")
    private boolean progress;

    @Parameters(index = "0", paramLabel = "SOURCE", description = "An NBD URI, or a raw file.")
    @SuppressWarnings("NullAway.Init")
    private String source;

    @Parameters(index = "1", paramLabel = "TARGET", description = "An NBD URI, or a raw file, which is made if missing.")
    @SuppressWarnings("NullAway.Init")
    private String target;

    @Override
    public Integer call() {
        try (BlockDevice from = open(source, true, 0); BlockDevice to = open(target, false, from.info().size())) {
            if (to.info().size() < from.info().size()) {
                throw new ConfigurationException("The target " + target + " of " + to.info().size()
                        + " bytes is smaller than the source of " + from.info().size());
            }
            copy(from, to);
            to.flush();
        }
        return 0;
    }

    private static BlockDevice open(String name, boolean readOnly, long size) {
        if (name.matches("nbds?(\\+unix)?://.*")) {
            return NbdClient.open(NbdUri.parse(name), NbdClientOptions.DEFAULT);
        }
        Path path = Path.of(name);
        if (!readOnly && !Files.isDirectory(path)) {
            boolean plain = !Files.exists(path) || Files.isRegularFile(path);
            if (plain) {
                try (HostFile file = HostFile.create(path)) {
                    file.resize(size);
                } catch (HostException refused) {
                    throw new HostException("making the target", name, refused);
                }
            }
        }
        return DiskImage.open(path, ImageFormat.RAW, OpenOptions.DEFAULT.withReadOnly(readOnly));
    }

    private void copy(BlockDevice from, BlockDevice to) {
        long size = from.info().size();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment buffer = arena.allocate(CHUNK, 4096);
            long at = 0;
            while (at < size) {
                BlockExtent extent = from.status(at, Math.min(size - at, 1L << 30));
                long length = extent.zero() ? extent.length() : Math.min(extent.length(), CHUNK);
                if (!extent.zero()) {
                    MemorySegment data = buffer.asSlice(0, length);
                    from.read(at, data);
                    to.write(at, data);
                } else {
                    zero(to, at, length);
                }
                at += length;
                if (progress) {
                    spec.commandLine().getErr().printf("\r    (%.2f/100%%)", 100.0 * at / size);
                    spec.commandLine().getErr().flush();
                }
            }
        }
        if (progress) {
            spec.commandLine().getErr().println();
        }
    }

    private static void zero(BlockDevice to, long offset, long length) {
        long at = offset;
        while (at < offset + length) {
            BlockExtent there = to.status(at, offset + length - at);
            if (!there.zero()) {
                to.writeZeroes(at, there.length());
            }
            at += there.length();
        }
    }
}
