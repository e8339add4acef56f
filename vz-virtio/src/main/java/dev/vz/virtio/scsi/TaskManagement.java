package dev.vz.virtio.scsi;

import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What the driver asks about commands that the host's disks hold, and has ended (virtio 1.3, 5.6.6.2; SAM-5, 7). A disk gives
 * nothing back before it is through with it: a function that ends commands is answered when they have been, and they say then
 * that they were ended. The commands' side is called on their queues' threads, the rest on the control queue's.
 */
final class TaskManagement {

    /** Subtypes. */
    static final int ABORT_TASK = 0;
    static final int ABORT_TASK_SET = 1;
    static final int CLEAR_TASK_SET = 3;
    static final int I_T_NEXUS_RESET = 4;
    static final int LOGICAL_UNIT_RESET = 5;
    static final int QUERY_TASK = 6;
    static final int QUERY_TASK_SET = 7;

    /** Responses. */
    static final int S_FUNCTION_COMPLETE = 0;
    static final int S_FUNCTION_SUCCEEDED = 10;
    static final int S_FUNCTION_REJECTED = 11;
    static final int S_INCORRECT_LUN = 12;

    /** The first two bytes of a logical unit's number, which name the target. */
    private static final long TARGET = 0xFFFFL << 48;

    /** A control request on its way. */
    static final class Request {
        final DescriptorChain chain = new DescriptorChain();
        final ChainReader reader = new ChainReader(chain);
        final ChainWriter writer = new ChainWriter(chain);
    }

    /** A function that waits for commands to end. */
    static final class Waiting {
        private final Request request;
        private int commands;

        private Waiting(Request request) {
            this.request = request;
        }
    }

    /** A command that the driver of queue {@code queue} is about to be told of, and what waits for that. */
    private record Leaving(int queue, List<Waiting> functions) {}

    private final ReentrantLock lock = new ReentrantLock();
    private final List<ScsiCommand> held = new ArrayList<>();
    private final List<Waiting> waiting = new ArrayList<>();
    private final List<Leaving> leaving = new ArrayList<>();
    /** Whether {@link #leaving} has something, for queues that look before every batch. */
    private volatile boolean anyLeaving;
    private @Nullable QueueBatch control;

    // ----------------------------------------------------------------------------------------- the commands' side

    /** A disk is about to hold {@code command}. */
    void begins(ScsiCommand command) {
        lock.lock();
        try {
            command.ended = 0;
            command.place = held.size();
            held.add(command);
        } finally {
            lock.unlock();
        }
    }

    /** It does not any more; {@code batch} is about to tell the driver of the command. */
    void ends(QueueBatch batch, ScsiCommand command) {
        lock.lock();
        try {
            ScsiCommand last = held.removeLast();
            if (last != command) {
                held.set(command.place, last);
                last.place = command.place;
            }
            List<Waiting> functions = command.functions;
            if (!functions.isEmpty()) {
                command.functions = List.of();
                leaving.add(new Leaving(batch.queue(), functions));
                anyLeaving = true;
                // The next batch begins when this one has been shown to the driver: a function that is answered before that
                // would leave the driver with a command it takes for ended.
                batch.wake();
            }
        } finally {
            lock.unlock();
        }
    }

    /** What queue {@code queue} told the driver of, the driver can see. */
    void shown(int queue) {
        if (!anyLeaving) {
            return;
        }
        QueueBatch told = null;
        lock.lock();
        try {
            for (Iterator<Leaving> each = leaving.iterator(); each.hasNext();) {
                Leaving command = each.next();
                if (command.queue == queue) {
                    each.remove();
                    command.functions.forEach(function -> function.commands--);
                    told = control;
                }
            }
            anyLeaving = !leaving.isEmpty();
        } finally {
            lock.unlock();
        }
        if (told != null) {
            told.wake();
        }
    }

    // ------------------------------------------------------------------------------------------ the driver's side

    /**
     * Does {@code subtype} for the existing target of {@code lun}. The request is its own from then on if it returns -1.
     *
     * @return the response; -1 if that comes later
     */
    int manage(QueueBatch batch, Request request, int subtype, long lun, long tag) {
        boolean nexus = subtype == I_T_NEXUS_RESET;
        if (!nexus && ScsiHost.unit(lun) != 0) {
            return S_INCORRECT_LUN;
        }
        boolean one = subtype == ABORT_TASK || subtype == QUERY_TASK;
        int fate = switch (subtype) {
            case ABORT_TASK, ABORT_TASK_SET, CLEAR_TASK_SET -> ScsiCommand.S_ABORTED;
            case I_T_NEXUS_RESET, LOGICAL_UNIT_RESET -> ScsiCommand.S_RESET;
            case QUERY_TASK, QUERY_TASK_SET -> 0;
            default -> -1;
        };
        if (fate < 0) {
            return S_FUNCTION_REJECTED;
        }
        lock.lock();
        try {
            var function = new Waiting(request);
            for (ScsiCommand command : held) {
                // Every target has one unit here, however the driver writes its number.
                if (((command.lun ^ lun) & TARGET) == 0 && (!one || command.tag == tag)) {
                    function.commands++;
                    if (fate != 0) {
                        command.ended = fate;
                        var functions = new ArrayList<>(command.functions);
                        functions.add(function);
                        command.functions = functions;
                    }
                }
            }
            if (function.commands == 0) {
                return S_FUNCTION_COMPLETE;
            }
            if (fate == 0) {
                return S_FUNCTION_SUCCEEDED;
            }
            control = batch;
            waiting.add(function);
            return -1;
        } finally {
            lock.unlock();
        }
    }

    /** Answers what waited for commands that have ended since; {@code all}: everything, for the queue comes to rest. */
    void answer(QueueBatch batch, boolean all) {
        lock.lock();
        try {
            for (Iterator<Waiting> each = waiting.iterator(); each.hasNext();) {
                Waiting function = each.next();
                // A queue that rests is followed by the others: no driver runs before their commands have ended, too.
                if (all || function.commands == 0) {
                    each.remove();
                    function.request.writer.reset(function.request.chain);
                    function.request.writer.writeByte(S_FUNCTION_COMPLETE);
                    batch.complete(function.request.chain, 1);
                }
            }
        } finally {
            lock.unlock();
        }
    }
}
