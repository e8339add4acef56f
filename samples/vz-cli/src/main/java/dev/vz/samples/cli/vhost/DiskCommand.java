package dev.vz.samples.cli.vhost;

import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.ImageFormat;
import dev.vz.virtio.block.BlockFrontend;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vz vhost-user blk}: a disk image as a block device. */
@Command(name = "blk", mixinStandardHelpOptions = true, sortOptions = false, header = "Serves a disk image as a virtio block device.")
final class DiskCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ServiceOptions service;

    @Option(names = "--disk", required = true, paramLabel = "file=P[,format=F][,readonly=on]", description = {
        "The image. Its format is raw unless it is named: it is never guessed,",
        "because a guest that writes to a raw image could make it look like another."})
    @SuppressWarnings("NullAway.Init")
    private String disk;

    @Option(names = "--serial", paramLabel = "TEXT", defaultValue = "", description = "What the guest reads as the disk's serial number.")
    private String serial = "";

    @Option(names = "--io-threads", paramLabel = "N", defaultValue = "0", description = {
        "Threads that wait for the host's disk (default: ${DEFAULT-VALUE}).",
        "0 does it on the queues' threads: best where the image is in the page cache."})
    private int ioThreads;

    @Override
    public Integer call() {
        Map<String, String> parts = parts();
        String file = parts.remove("file");
        String format = parts.getOrDefault("format", "raw");
        parts.remove("format");
        String readOnly = parts.getOrDefault("readonly", "off");
        parts.remove("readonly");
        if (file == null || !parts.isEmpty() || !readOnly.equals("on") && !readOnly.equals("off") || ioThreads < 0) {
            throw new ParameterException(spec.commandLine(), "Invalid value for option '--disk': '" + disk
                    + "' is not file=P[,format=F][,readonly=on]");
        }
        OpenOptions options = OpenOptions.DEFAULT.withReadOnly(readOnly.equals("on"))
                .withEngine(ioThreads == 0 ? IoEngine.inline() : IoEngine.threads(ioThreads));
        service.serve(new BlockFrontend(DiskImage.open(Path.of(file), ImageFormat.ofLabel(format), options), serial,
                service.queues()));
        return 0;
    }

    private Map<String, String> parts() {
        Map<String, String> parts = new LinkedHashMap<>();
        for (String part : disk.split(",")) {
            int equals = part.indexOf('=');
            parts.put(equals < 0 ? "file" : part.substring(0, equals), part.substring(equals + 1));
        }
        return parts;
    }
}
