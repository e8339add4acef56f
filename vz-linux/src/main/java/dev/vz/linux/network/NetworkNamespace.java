package dev.vz.linux.network;

import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.OpenFlag;
import dev.vz.linux.call.ThreadCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * A network of its own within the host: interfaces, addresses and routes. See network_namespaces(7).
 *
 * <p>
 * The namespace belongs to a thread, and a socket or TAP belongs for good to the namespace it was made in. So work in a
 * namespace runs on a short-lived thread, and what it opens can be used from anywhere. Entering takes CAP_SYS_ADMIN. Any
 * thread may call.
 */
public final class NetworkNamespace implements AutoCloseable {

    private static final Path OF_THIS_THREAD = Path.of("/proc/thread-self/ns/net");

    private final FileDescriptor descriptor;

    private NetworkNamespace(FileDescriptor descriptor) {
        this.descriptor = descriptor;
    }

    /** Opens a namespace by its file: {@code /run/netns/NAME} as {@code ip netns} makes it, {@code /proc/PID/ns/net}. */
    public static NetworkNamespace open(Path file) {
        return new NetworkNamespace(FileDescriptor.open(file, OpenFlag.READ));
    }

    /** Makes an empty namespace, which ends with this object, its last socket and its last interface in use. */
    public static NetworkNamespace create() {
        NativeAccess.require();
        return onOwnThread("a new network namespace", () -> {
            Errno.check("unshare CLONE_NEWNET", "the calling thread", ThreadCalls.unshare(LinuxHeaders.CLONE_NEWNET()));
            return open(OF_THIS_THREAD);
        });
    }

    /**
     * Runs {@code work} inside the namespace, on a platform thread of its own, and waits for it. Processes that it starts
     * are inside as well.
     *
     * @throws HostException {@code EPERM} without CAP_SYS_ADMIN, {@code EINVAL} if the file is no network namespace
     */
    public <T> T call(Callable<T> work) {
        return onOwnThread(toString(), () -> {
            Errno.check("setns", descriptor, ThreadCalls.setns(descriptor.value(), LinuxHeaders.CLONE_NEWNET()));
            return work.call();
        });
    }

    /** The descriptor, which stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    @Override
    public void close() {
        descriptor.close();
    }

    @Override
    public String toString() {
        return "network namespace " + descriptor;
    }

    private static <T> T onOwnThread(String name, Callable<T> work) {
        var task = new FutureTask<>(work);
        Thread.ofPlatform().daemon().name("in " + name).start(task);
        try {
            return task.get();
        } catch (ExecutionException failure) {
            switch (failure.getCause()) {
                case RuntimeException exception -> throw exception;
                case Error error -> throw error;
                case Exception exception -> throw new HostException("work in", name, exception);
                case null, default -> throw new HostException("work in", name, failure);
            }
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw new LifecycleException("The wait for work in " + name + " was interrupted; the work goes on",
                    interruption);
        }
    }
}
