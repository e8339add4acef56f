package dev.vz.linux.event;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.EventCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.epoll_event;
import dev.vz.thread.ThreadEnd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Waits for many descriptors in one thread and calls a handler for each that is ready: epoll(7).
 *
 * <p>
 * The loop runs on a platform thread of its own ({@link #start}) or is driven by hand ({@link #poll}), which tests do. One
 * thread at a time polls; registering, changing, cancelling and waking may be done from any thread, and from within
 * handlers. Reporting an event allocates nothing.
 */
public final class EpollLoop implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger(EpollLoop.class.getName());

    private static final ValueLayout.OfInt EVENTS = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong DATA = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final int WAKE = -1;
    private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();
    /** So often work for an idle moment stands back behind events. */
    private static final int ROUNDS_WITHOUT_REST = 16;

    /** Told of a descriptor that is ready. Runs on the loop's thread and must not block. */
    @FunctionalInterface
    public interface Handler {
        /**
         * Handles readiness.
         *
         * @param registration what was registered; cancelling it here is fine
         * @param readiness    bits of {@link Readiness}
         */
        void ready(Registration registration, int readiness);
    }

    /** Told of a handler or task that threw. Runs on the loop's thread. */
    @FunctionalInterface
    public interface FailureHandler {
        /**
         * Handles what a handler or task threw; the loop goes on afterwards.
         *
         * @param registration whose handler it was, already cancelled so that it cannot fail again and again;
         *                     {@code null} for a task
         */
        void failed(@Nullable Registration registration, Throwable failure);
    }

    private final String name;
    private final FailureHandler failures;
    private final FileDescriptor epoll;
    private final EventFd wake;
    private final MemorySegment events;
    private final int batch;

    private final Object lock = new Object();
    private final RegistrationTable table = new RegistrationTable();
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean woken = new AtomicBoolean();
    private final AtomicReference<@Nullable Thread> poller = new AtomicReference<>();
    private volatile @Nullable Registration current;
    private volatile boolean stopping;
    private volatile boolean closed;
    private volatile @Nullable Thread thread;
    private long awakeNanos;
    private final ArrayDeque<Runnable> idleTasks = new ArrayDeque<>();
    private int roundsWithoutRest;

    /**
     * A loop that logs what handlers throw.
     *
     * @param name of the thread, and in errors
     */
    public EpollLoop(String name) {
        this(name, 64, (registration, failure) -> LOGGER.log(System.Logger.Level.ERROR,
                "Event loop " + name + ": the handler of " + registration + " failed and is cancelled", failure));
    }

    /**
     * A loop.
     *
     * @param name     of the thread, and in errors
     * @param batch    how many events are taken from the kernel at a time, 1 to 4096
     * @param failures is told what handlers and tasks throw
     * @throws HostException if the process has no more descriptors
     */
    public EpollLoop(String name, int batch, FailureHandler failures) {
        NativeAccess.require();
        if (batch < 1 || batch > 4096) {
            throw new ConfigurationException("An event loop takes 1 to 4096 events at a time, not " + batch);
        }
        this.name = name;
        this.batch = batch;
        this.failures = Objects.requireNonNull(failures);
        int result = Errno.check("epoll_create1", "event loop " + name,
                EventCalls.epollCreate1(LinuxHeaders.EPOLL_CLOEXEC()));
        epoll = FileDescriptor.adopt(result, "epoll of " + name);
        try {
            wake = EventFd.nonBlocking();
        } catch (RuntimeException | Error failure) {
            epoll.close();
            throw failure;
        }
        // Freed with this object: whoever polls holds it, and the kernel writes only while somebody polls.
        events = Arena.ofAuto().allocate(epoll_event.layout(), batch);
        control(LinuxHeaders.EPOLL_CTL_ADD(), wake.descriptor(), Readiness.IN, WAKE);
    }

    /**
     * Calls {@code handler} whenever {@code descriptor} is ready for one of {@code interest}.
     *
     * <p>
     * Cancel the registration before closing the descriptor, or, on the loop's own thread, right after: that spares a
     * system call.
     *
     * @param interest bits of {@link Readiness}
     * @throws HostException {@code EEXIST} if it is registered here already, {@code EPERM} if it cannot be waited for
     */
    public Registration register(FileDescriptor descriptor, int interest, Handler handler) {
        Objects.requireNonNull(handler);
        synchronized (lock) {
            requireOpen();
            long token = table.claim();
            var registration = new Registration(descriptor, handler, token, interest);
            table.put(token, registration);
            try {
                control(LinuxHeaders.EPOLL_CTL_ADD(), descriptor, interest, token);
            } catch (RuntimeException | Error failure) {
                table.remove(token);
                throw failure;
            }
            return registration;
        }
    }

    /** Runs {@code task} on the loop's thread, soon, in the order of the calls. */
    public void execute(Runnable task) {
        requireOpen();
        tasks.add(task);
        wake();
    }

    /**
     * Runs {@code task} on the loop's thread as soon as there is nothing else to do: for what has to happen but nobody waits
     * for. It stands back behind events for a few rounds only, and is done before {@link #poll} returns or the loop sleeps. From
     * another thread the same as {@link #execute}.
     */
    public void executeWhenIdle(Runnable task) {
        if (isLoopThread()) {
            idleTasks.add(task);
        } else {
            execute(task);
        }
    }

    /** Lets a {@link #poll} that waits return, and the next one if none waits. Without effect on a closed loop. */
    public void wake() {
        // One write for any number of wake-ups that the loop has not seen yet.
        if (woken.compareAndSet(false, true)) {
            synchronized (lock) {
                if (!closed) {
                    wake.signal();
                }
            }
        }
    }

    /**
     * Waits for events, handles them, and runs the tasks that have been given: the loop, driven by hand.
     *
     * @param timeoutMillis how long to wait for the first event, in milliseconds; 0 not at all, negative for ever
     * @return number of handlers that were called
     * @throws LifecycleException if another thread is polling, or the loop is closed
     */
    public int poll(int timeoutMillis) {
        requireOpen();
        Thread self = Thread.currentThread();
        if (!poller.compareAndSet(null, self)) {
            throw new LifecycleException("Event loop " + name + " is polled by " + poller.get()
                    + "; one thread at a time can");
        }
        try {
            int handled = pollOnce(timeoutMillis);
            runIdleTasks();
            return handled;
        } finally {
            poller.set(null);
            if (stopping) {
                release();
            }
        }
    }

    /**
     * Lets the loop look for events for so long before it next sleeps: for handlers that have begun what comes back sooner
     * than a thread falls asleep and is woken. On the loop's thread; it holds for one sleep, and the longest counts.
     *
     * @param nanos at most; it is computing time, so microseconds. Without effect on a host with one processor.
     */
    public void stayAwake(long nanos) {
        if (PROCESSORS > 1) {
            awakeNanos = Math.max(awakeNanos, nanos);
        }
    }

    /** Runs the loop on a platform thread of its own until {@link #close}. */
    public Thread start() {
        synchronized (lock) {
            requireOpen();
            if (thread != null) {
                throw new LifecycleException("Event loop " + name + " runs already");
            }
            Thread started = Thread.ofPlatform().name(name).daemon().unstarted(this::run);
            thread = started;
            started.start();
            return started;
        }
    }

    /** Whether the calling thread is in {@link #poll} or is the loop's own. */
    public boolean isLoopThread() {
        return poller.get() == Thread.currentThread();
    }

    /**
     * Ends the loop and waits for its thread; does nothing the second time. Registered descriptors stay open, they are
     * their owners'. From within a handler it ends the loop after that handler.
     */
    @Override
    public void close() {
        if (isLoopThread()) {
            stopping = true; // whoever polls comes back, sees the flag, and frees everything
            return;
        }
        Thread running = thread;
        if (running == null && poller.get() != null) {
            throw new LifecycleException("Event loop " + name + " cannot be closed while " + poller.get()
                    + " polls it");
        }
        stopping = true;
        if (running != null) {
            wake();
            ThreadEnd.await(running);
        }
        release();
    }

    @Override
    public String toString() {
        return "event loop " + name;
    }

    private void run() {
        poller.set(Thread.currentThread());
        try {
            while (!stopping) {
                pollOnce(-1);
            }
        } finally {
            poller.set(null);
            release();
        }
    }

    private int pollOnce(int timeoutMillis) {
        int ready = timeoutMillis != 0 && (awakeNanos > 0 || !idleTasks.isEmpty()) ? look() : 0;
        if (ready == 0 && !stopping) {
            ready = EventCalls.epollWait(epoll.value(), events.address(), batch, timeoutMillis);
        }
        if (ready < 0) {
            if (ready == -Errno.EINTR) {
                return 0;
            }
            throw Errno.failure("epoll_wait", epoll, ready);
        }
        int handled = 0;
        boolean wakeSeen = false;
        for (int i = 0; i < ready && !stopping; i++) {
            long at = i * Layout.EVENT_SIZE;
            long token = events.get(DATA, at + Layout.DATA_OFFSET);
            if (token == WAKE) {
                wakeSeen = true;
            } else if (dispatch(token, events.get(EVENTS, at))) {
                handled++;
            }
        }
        if (wakeSeen) {
            // Cleared before the tasks are taken: whoever adds one later wakes again.
            wake.take();
            woken.set(false);
            runTasks();
        }
        if (idleTasks.isEmpty()) {
            roundsWithoutRest = 0;
        } else if (++roundsWithoutRest == ROUNDS_WITHOUT_REST) {
            runIdleTasks();
        }
        return handled;
    }

    /** Looks for events without sleeping, as long as handlers asked for, and does meanwhile what was left for now. */
    private int look() {
        long begun = System.nanoTime();
        int ready = EventCalls.epollWait(epoll.value(), events.address(), batch, 0);
        while (ready == 0 && !stopping && (!idleTasks.isEmpty() || System.nanoTime() - begun < awakeNanos)) {
            Runnable task = idleTasks.poll();
            if (task != null) {
                run(task);
            }
            ready = EventCalls.epollWait(epoll.value(), events.address(), batch, 0);
        }
        awakeNanos = 0;
        return ready;
    }

    /** Does what was left for an idle moment up to now. */
    private void runIdleTasks() {
        roundsWithoutRest = 0;
        for (int i = idleTasks.size(); i > 0 && !stopping; i--) {
            run(idleTasks.remove());
        }
    }

    private boolean dispatch(long token, int readiness) {
        Registration registration = table.find(token);
        if (registration == null) {
            return false;
        }
        current = registration;
        try {
            // Read after current is published: a canceller that misses it here is seen there, or the reverse.
            if (registration.cancelled) {
                return false;
            }
            registration.handler.ready(registration, readiness);
        } catch (Throwable failure) {
            registration.cancel();
            failures.failed(registration, failure);
        } finally {
            current = null;
        }
        return true;
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            run(task);
        }
    }

    private void run(Runnable task) {
        try {
            task.run();
        } catch (Throwable failure) {
            failures.failed(null, failure);
        }
    }

    private void control(int operation, FileDescriptor descriptor, int interest, long token) {
        MemorySegment event = CallState.current().scratch();
        event.set(EVENTS, 0, interest);
        event.set(DATA, Layout.DATA_OFFSET, token);
        int result = EventCalls.epollCtl(epoll.value(), operation, descriptor.value(), event);
        if (result < 0) {
            throw Errno.failure("epoll_ctl", descriptor + " in " + this, result);
        }
    }

    private void requireOpen() {
        if (stopping || closed) {
            throw new LifecycleException("Event loop " + name + " is closed");
        }
    }

    private void release() {
        synchronized (lock) {
            if (closed) {
                return;
            }
            closed = true;
            table.forEach(registration -> registration.cancelled = true);
            wake.close();
            epoll.close();
        }
    }

    /** A descriptor with its handler. Thread-safe. */
    public final class Registration implements AutoCloseable {
        private final FileDescriptor descriptor;
        private final Handler handler;
        private final long token;
        private volatile int interest;
        private volatile boolean cancelled;

        private Registration(FileDescriptor descriptor, Handler handler, long token, int interest) {
            this.descriptor = descriptor;
            this.handler = handler;
            this.token = token;
            this.interest = interest;
        }

        /** What is waited for. */
        public FileDescriptor descriptor() {
            return descriptor;
        }

        /** The bits of {@link Readiness} that are waited for. */
        public int interest() {
            return interest;
        }

        /** Waits for other readiness from now on. */
        public void modify(int interest) {
            synchronized (lock) {
                requireOpen();
                if (cancelled) {
                    throw new LifecycleException(this + " is cancelled");
                }
                this.interest = interest;
                control(LinuxHeaders.EPOLL_CTL_MOD(), descriptor, interest, token);
            }
        }

        /** Waits again after a report with {@link Readiness#ONE_SHOT}. */
        public void rearm() {
            modify(interest);
        }

        /**
         * Ends it; does nothing the second time. When this returns the handler does not run and will not run again,
         * unless it is the handler itself that cancels. So never cancel while holding a lock that the handler takes.
         */
        public void cancel() {
            synchronized (lock) {
                if (!cancelled) {
                    cancelled = true;
                    if (!closed) {
                        table.remove(token);
                        // A descriptor that is closed has left the epoll, and its number may be somebody else's.
                        if (descriptor.isOpen()) {
                            control(LinuxHeaders.EPOLL_CTL_DEL(), descriptor, 0, 0);
                        }
                    }
                }
            }
            if (!isLoopThread()) {
                for (int spins = 0; current == this; spins++) {
                    if (spins < 1000) {
                        Thread.onSpinWait();
                    } else {
                        LockSupport.parkNanos(50_000);
                    }
                }
            }
        }

        /**
         * Ends it, where the descriptor's owner closes that soon, on whatever thread: the kernel forgets it then, and a system
         * call is spared. What is reported until then is dropped, so it is for {@link Readiness#EDGE}. On the loop's thread only.
         */
        public void forget() {
            synchronized (lock) {
                if (!cancelled) {
                    cancelled = true;
                    if (!closed) {
                        table.remove(token);
                    }
                }
            }
        }

        /** {@link #cancel}. */
        @Override
        public void close() {
            cancel();
        }

        /** What the kernel hands back with its events. */
        long token() {
            return token;
        }

        @Override
        public String toString() {
            return descriptor + " in event loop " + name;
        }
    }

    // Apart, so that the bindings are first touched after the check for native access.
    private static final class Layout {
        static final long EVENT_SIZE = epoll_event.sizeof();
        static final long DATA_OFFSET = epoll_event.data$offset();
    }
}
