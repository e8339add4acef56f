package dev.vz.storage.nbd;

import dev.vz.block.BlockDevice;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.ImageFormat;
import java.nio.file.Path;

/** A server in a process of its own, for tests that kill it and for measurements: SOCKET FORMAT|memory FILE|SIZE [THREADS]. */
final class ServerProcess {

    private ServerProcess() {}

    /** Serves until it is killed, or its standard input ends. */
    public static void main(String[] arguments) throws Exception {
        int threads = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 0;
        IoEngine engine = threads == 0 ? IoEngine.inline() : IoEngine.threads(threads);
        BlockDevice device = arguments[1].equals("memory") ? MemoryBlockDevice.ofSize(Long.parseLong(arguments[2]))
                : DiskImage.open(Path.of(arguments[2]), ImageFormat.ofLabel(arguments[1]),
                        OpenOptions.DEFAULT.withEngine(engine));
        try (engine; device; var server = new NbdServer(NbdServerOptions.DEFAULT)) {
            server.add(NbdExport.of("", device));
            server.listen(UnixAddress.of(Path.of(arguments[0])));
            System.out.println("listening");
            while (System.in.read() >= 0) {
                // anything but the end goes on
            }
        }
    }
}
