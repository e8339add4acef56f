package dev.vz.machine;

import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.Availability;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.InterruptControllers;
import dev.vz.hypervisor.VirtualMachine;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.InterruptControllerState;
import dev.vz.irq.InterruptLine;
import dev.vz.irq.IoapicState;
import dev.vz.irq.PicState;
import dev.vz.irq.PitState;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * A back end without a processor: its vCPUs play a script of steps. It counts what is open, so that tests can see that
 * nothing leaks.
 */
final class ScriptedHypervisor implements Hypervisor {

    private final Script script;
    private final Set<Capability> capabilities = EnumSet.allOf(Capability.class);
    final AtomicInteger openMachines = new AtomicInteger();
    final AtomicInteger openVcpus = new AtomicInteger();
    volatile Machine last;

    /** {@code script} is asked for the next step of each vCPU, counted from its last reset. */
    ScriptedHypervisor(Script script) {
        this.script = script;
    }

    /** What the guest does. */
    interface Script {
        /** Step {@code index} since reset; {@code false}: nothing more to do, wait for a kick. */
        boolean step(ScriptedVcpu vcpu, int index);
    }

    ScriptedHypervisor without(Capability capability) {
        capabilities.remove(capability);
        return this;
    }

    @Override
    public String name() {
        return "scripted";
    }

    @Override
    public int priority() {
        return 0;
    }

    @Override
    public Availability availability() {
        return new Availability.Available("always");
    }

    @Override
    public Set<Capability> capabilities() {
        return capabilities;
    }

    @Override
    public VirtualMachine createVirtualMachine(VirtualMachineConfig config) {
        openMachines.incrementAndGet();
        last = new Machine(config);
        return last;
    }

    final class Machine implements VirtualMachine, InterruptControllers {
        private final VirtualMachineConfig config;
        private final List<ScriptedVcpu> vcpus = Collections.synchronizedList(new ArrayList<>());
        final AtomicIntegerArray levels = new AtomicIntegerArray(24);
        final AtomicIntegerArray rises = new AtomicIntegerArray(24);
        private InterruptControllerState controllers = state(0);
        volatile int controllersRestored;
        private boolean closed;

        Machine(VirtualMachineConfig config) {
            this.config = config;
        }

        private static InterruptControllerState state(int irr) {
            var pic = new PicState(0, irr, 0, 0, 0, 0, 0, false, false, 0, false, false, false, false, 0, 0);
            var channel = new PitState.Channel(0, 0, 0, false, 0, 0, 0, 0, 1, 0, false, false, 0);
            return new InterruptControllerState(pic, pic, new IoapicState(0, 0, 0, Collections.nCopies(24, 0x1_0000L)),
                    new PitState(List.of(channel, channel, channel), false));
        }

        @Override
        public VirtualMachineConfig config() {
            return config;
        }

        @Override
        public X86Vcpu createVcpu(int id) {
            if (id < 0 || id >= config.maxVcpus() || id < vcpus.size()) {
                throw new ConfigurationException("vCPU " + id);
            }
            openVcpus.incrementAndGet();
            var vcpu = new ScriptedVcpu(id, script, openVcpus::decrementAndGet);
            vcpus.add(vcpu);
            return vcpu;
        }

        @Override
        public List<ScriptedVcpu> vcpus() {
            return List.copyOf(vcpus);
        }

        @Override
        public InterruptLine line(int gsi) {
            return high -> {
                if (levels.getAndSet(gsi, high ? 1 : 0) == 0 && high) {
                    rises.incrementAndGet(gsi);
                }
            };
        }

        @Override
        public InterruptControllerState interruptControllers() {
            return controllers;
        }

        @Override
        public void setInterruptControllers(InterruptControllerState state) {
            controllers = state;
            controllersRestored++;
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                vcpus.forEach(ScriptedVcpu::close);
                openMachines.decrementAndGet();
            }
        }
    }
}
