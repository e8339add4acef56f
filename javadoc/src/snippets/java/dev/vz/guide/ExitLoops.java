package dev.vz.guide;

import dev.vz.bus.AddressRange;
import dev.vz.bus.IoBus;
import dev.vz.cpu.Vcpu;
import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;

/** The code of the chapter on exits. */
final class ExitLoops {

    private ExitLoops() {}

    /** Runs until the guest halts or something kicks the vCPU. */
    // @start region="records"
    static VcpuExit runOnRecords(Vcpu vcpu, IoBus ports, IoBus mmio) {
        while (true) {
            VcpuExit exit = vcpu.run();
            switch (exit) {
                case VcpuExit.PortRead read -> vcpu.answer(ports.read(read.port(), read.size()));
                case VcpuExit.PortWrite write -> ports.write(write.port(), write.size(), write.value());
                case VcpuExit.MmioRead read -> vcpu.answer(mmio.read(read.gpa(), read.size()));
                case VcpuExit.MmioWrite write -> mmio.write(write.gpa(), write.size(), write.value());
                case VcpuExit.Halt _, VcpuExit.Kicked _, VcpuExit.Shutdown _ -> {
                    return exit;
                }
                case VcpuExit other -> throw new IllegalStateException("Not handled here: " + other);
            }
        }
    }
    // @end

    // @start region="handler"
    /** Hands every access to the buses; allocates nothing. */
    static final class Dispatch implements VcpuExitHandler {
        private final IoBus ports;
        private final IoBus mmio;

        Dispatch(IoBus ports, IoBus mmio) {
            this.ports = ports;
            this.mmio = mmio;
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
        public boolean exit(VcpuExit exit) {
            return switch (exit) {
                case VcpuExit.Shutdown _ -> false;
                default -> throw new IllegalStateException("Not handled here: " + exit);
            };
        }
    }
    // @end

    static void attach(IoBus ports) {
        // @start region="attach"
        var attachment = ports.attach(new AddressRange(0x500, 8), new Scratchpad());
        ports.write(0x502, 2, 0xBEEF); // the device sees offset 2
        long back = ports.read(0x500, 8); // 0xBEEF0000
        long nobody = ports.read(0x600, 1); // all ones
        attachment.close(); // waits until no vCPU is inside the device
        // @end
        if (back != 0xBEEF_0000L || nobody != 0xFF) {
            throw new IllegalStateException("The chapter on exits promises other values");
        }
    }

    /** Stops a vCPU that runs on another thread. */
    static Vcpu.Outcome stop(Vcpu vcpu, VcpuExitHandler handler) throws InterruptedException {
        // @start region="kick"
        var outcome = new java.util.concurrent.CompletableFuture<Vcpu.Outcome>();
        Thread thread = Thread.ofPlatform().name("vcpu-0").start(() -> outcome.complete(vcpu.run(handler)));
        vcpu.kick(); // from any thread, at any time, never lost
        thread.join();
        // @end
        return outcome.join();
    }
}
