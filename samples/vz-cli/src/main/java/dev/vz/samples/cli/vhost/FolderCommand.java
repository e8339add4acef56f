package dev.vz.samples.cli.vhost;

import dev.vz.virtio.fs.FileSystemDevice;
import dev.vz.virtio.fs.SharedFolder;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vz vhost-user fs}: a folder of the host. */
@Command(name = "fs", mixinStandardHelpOptions = true, sortOptions = false, header = "Serves a folder as a virtio file system device.")
final class FolderCommand implements Callable<Integer> {

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ServiceOptions service;

    @Option(names = "--share", required = true, paramLabel = "DIR", description = {
        "The folder, and everything below it.",
        "Links are shown and never followed here; pipes and devices cannot be opened."})
    @SuppressWarnings("NullAway.Init")
    private Path share;

    @Option(names = "--tag", paramLabel = "NAME", defaultValue = "share", description = {
        "The name that the guest mounts it by, where the front end does not",
        "choose one itself (default: ${DEFAULT-VALUE})."})
    private String tag = "share";

    @Option(names = "--readonly", description = "Let guests change nothing.")
    private boolean readOnly;

    @Override
    public Integer call() {
        service.serve(new FileSystemDevice(tag, SharedFolder.of(share, readOnly)));
        return 0;
    }
}
