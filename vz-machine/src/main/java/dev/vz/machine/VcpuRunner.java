package dev.vz.machine;

import dev.vz.bus.IoBus;
import dev.vz.cpu.HaltNotice;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.cpu.x86.MpState;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.error.GuestException;
import dev.vz.error.HostException;
import dev.vz.error.VzException;
import dev.vz.schedule.VcpuTurns;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** One processor's thread: runs it, answers its exits from the buses, and leaves when the machine says so. */
final class VcpuRunner implements Runnable, VcpuExitHandler {

    private static final long HALTED_REST = 1_000_000;
    private static final long HALTED_TURN = 100_000;

    private final String machine;
    private final X86Vcpu vcpu;
    private final RunControl control;
    private final IoBus ports;
    private final IoBus mmio;

    VcpuRunner(String machine, X86Vcpu vcpu, RunControl control, IoBus ports, IoBus mmio) {
        this.machine = machine;
        this.vcpu = vcpu;
        this.control = control;
        this.ports = ports;
        this.mmio = mmio;
    }

    @Override
    public void run() {
        try (VcpuTurns.Turn turn = control.join(vcpu)) {
            if (turn != null) {
                runInTurns(turn);
            }
            while (control.mayRun()) {
                vcpu.run(this);
            }
        } catch (VzException failure) {
            control.end(new MachineOutcome.Crashed(vcpu.id(), Optional.empty(), failure));
        } catch (RuntimeException | Error failure) {
            // A device that throws has broken its contract; the machine ends, the process does not.
            control.end(new MachineOutcome.Crashed(vcpu.id(), Optional.empty(),
                    new HostException("run", name(), failure)));
        } finally {
            control.left();
        }
    }

    private void runInTurns(VcpuTurns.Turn turn) {
        if (vcpu instanceof HaltNotice notice) {
            notice.onHalt(new HaltNotice.Listener() {
                @Override
                public void halted() {
                    turn.end();
                }

                @Override
                public void resumes() {
                    turn.begin();
                }
            });
        }
        long most = Long.MAX_VALUE;
        while (mayRun(turn)) {
            turn.begin(most);
            vcpu.run(this);
            if (vcpu instanceof HaltNotice || vcpu.mpState() == MpState.RUNNABLE) {
                most = Long.MAX_VALUE;
                turn.again();
            } else {
                // It does not tell when it halts. Found halted, it gets short turns that show whether an interrupt has come.
                most = HALTED_TURN;
                turn.end();
                LockSupport.parkNanos(this, HALTED_REST);
            }
        }
    }

    /** Whoever has to wait for the rest of the machine keeps no turn meanwhile. */
    private boolean mayRun(VcpuTurns.Turn turn) {
        if (control.gathers()) {
            turn.end();
        }
        return control.mayRun();
    }

    private String name() {
        return "vCPU " + vcpu.id() + " of machine \"" + machine + "\"";
    }

    @Override
    public long portRead(int port, int size) {
        return ports.read(port, size);
    }

    @Override
    public void portWrite(int port, int size, long value) {
        ports.write(port, size, value);
    }

    @Override
    public long mmioRead(long gpa, int size) {
        return mmio.read(gpa, size);
    }

    @Override
    public void mmioWrite(long gpa, int size, long value) {
        mmio.write(gpa, size, value);
    }

    @Override
    public boolean halt() {
        return crash(new VcpuExit.Halt(), "left the guest for HLT, which a machine with interrupt controllers waits in "
                + "itself; this is a mistake of the back end");
    }

    @Override
    public boolean exit(VcpuExit exit) {
        return switch (exit) {
            case VcpuExit.Shutdown shutdown -> control.tripleFault(vcpu.id(), shutdown, error(
                    "stopped with a triple fault: an exception came up whose handlers cannot be entered. "
                            + "Is the interrupt descriptor table set up, and is the code where it should be?"));
            case VcpuExit.SystemEvent event -> systemEvent(event);
            case VcpuExit.MsrRead read -> fault();
            case VcpuExit.MsrWrite write -> fault();
            // Nothing to do but to go on.
            case VcpuExit.InterruptWindow window -> true;
            case VcpuExit.HostNmi nmi -> true;
            case VcpuExit.TprAccess access -> true;
            case VcpuExit.TprLowered lowered -> true;
            case VcpuExit.IoapicEoi eoi -> true;
            case VcpuExit.Notify notify -> true;
            case VcpuExit.BusLock lock -> true;
            case VcpuExit.Kicked kicked -> true;
            case VcpuExit.BackendInternalError error -> crash(error,
                    "cannot go on: " + error + ". The back end met something that it cannot run; another one may");
            case VcpuExit.EntryFailed failed -> crash(failed, "could not enter the guest: " + failed);
            case VcpuExit.MemoryFault fault -> crash(fault, "made an access that is not allowed: " + fault);
            case VcpuExit.PortRead read -> unexpected(read);
            case VcpuExit.PortWrite write -> unexpected(write);
            case VcpuExit.MmioRead read -> unexpected(read);
            case VcpuExit.MmioWrite write -> unexpected(write);
            case VcpuExit.Halt halt -> unexpected(halt);
            case VcpuExit.UnknownHardwareReason reason -> unexpected(reason);
            case VcpuExit.ExceptionCaught caught -> unexpected(caught);
            case VcpuExit.Debug debug -> unexpected(debug);
            case VcpuExit.Hypercall hypercall -> unexpected(hypercall);
            case VcpuExit.DirtyRingFull full -> unexpected(full);
            case VcpuExit.ApResetHold hold -> unexpected(hold);
            case VcpuExit.HyperV hyperV -> unexpected(hyperV);
            case VcpuExit.Xen xen -> unexpected(xen);
            case VcpuExit.Unknown unknown -> unexpected(unknown);
        };
    }

    private boolean systemEvent(VcpuExit.SystemEvent event) {
        return switch (event.type()) {
            case 1 -> {
                control.powerOff();
                yield false;
            }
            case 2 -> {
                control.reset("system event");
                yield false;
            }
            default -> crash(event, "reported " + event);
        };
    }

    private boolean fault() {
        vcpu.answerFault();
        return true;
    }

    private boolean unexpected(VcpuExit exit) {
        return crash(exit, "left the guest with " + exit + ", which this machine did not ask for");
    }

    private boolean crash(VcpuExit exit, String what) {
        control.end(new MachineOutcome.Crashed(vcpu.id(), Optional.of(exit), error(what)));
        return false;
    }

    private GuestException error(String what) {
        return new GuestException(name() + " " + what + " (rip 0x" + Long.toHexString(vcpu.registers().rip()) + ")");
    }
}
