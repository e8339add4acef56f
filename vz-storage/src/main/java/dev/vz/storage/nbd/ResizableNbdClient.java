package dev.vz.storage.nbd;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.error.ConfigurationException;
import org.jspecify.annotations.Nullable;

/**
 * An export whose size the client may change (the protocol's resize extension). Other clients see the new size when they
 * connect again.
 */
public final class ResizableNbdClient extends NbdClient implements BlockDevice.Resizable {

    private volatile @Nullable Runnable listener;

    ResizableNbdClient(NbdUri uri, NbdClientOptions options, ExportInfo export, Channel first) {
        super(uri, options, export, first);
    }

    @Override
    public void resize(long size) {
        if (size < 0) {
            throw new ConfigurationException("A disk cannot have " + size + " bytes");
        }
        // The new size travels where other requests have their offset.
        await(new BlockRequest().prepare(Operation.DISCARD, size, 0, 0), Nbd.NBD_CMD_RESIZE);
        resized(size);
        Runnable told = listener;
        if (told != null) {
            told.run();
        }
    }

    @Override
    public void onResize(@Nullable Runnable listener) {
        this.listener = listener;
    }
}
