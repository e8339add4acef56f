package dev.vz.kvm;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.x86.CpuFeature;
import dev.vz.cpu.x86.DescriptorTable;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.error.VzException;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.Mapping;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Whether KVM can run a stock operating system, found out by running three instructions that every one executes at ring 0
 * in its first milliseconds.
 *
 * <p>
 * With virtualization hardware the processor executes them. A KVM without it interprets ring 0 with the kernel's
 * instruction emulator, which was made for accesses to devices and knows none of the three; nothing that such a KVM
 * reports tells it apart, and its CPUID announces all of them. The answer is kept for the life of the process; asking
 * costs one small machine.
 */
final class FullSystemProbe {

    private static final int SIZE = 0x10000;
    private static final long LEVEL4 = 0x1000;
    private static final long LEVEL3 = 0x2000;
    private static final long LEVEL2 = 0x3000;
    private static final long IDT = 0x4000;
    private static final long GDT = 0x4800;
    private static final long CODE = 0x5000;
    private static final long HANDLER = 0x5100;
    private static final long DATA = 0x6000;
    private static final long STACK = 0x8000;
    private static final long PATIENCE_MILLIS = 2_000;

    private static final Map<Path, Optional<String>> KNOWN = new ConcurrentHashMap<>();

    private FullSystemProbe() {}

    /** What is in the way of a stock operating system on the KVM at {@code device}; empty if nothing is. */
    static Optional<String> obstacle(Path device) {
        Optional<String> known = KNOWN.get(device);
        if (known == null) {
            known = tryOut(device);
            KNOWN.put(device, known);
        }
        return known;
    }

    private static Optional<String> tryOut(Path device) {
        try (var mapped = MappedMemory.map(Mapping.anonymous(SIZE).named("kvm-probe"));
                var memory = GuestMemory.of(MemoryRegion.borrowed(0, mapped.segment()));
                var system = KvmSystem.open(device);
                var machine = system.createVirtualMachine(VirtualMachineConfig.of(memory).named("probe"))) {
            KvmVcpu vcpu = machine.createVcpu(0);
            prepare(memory, vcpu);
            var exit = new AtomicReference<VcpuExit>(new VcpuExit.Kicked());
            // A thread of its own: the caller may be a virtual one, and must not wait for a guest that loops.
            Thread runner = Thread.ofPlatform().daemon().name("kvm-probe").start(() -> exit.set(vcpu.run()));
            boolean done = runner.join(Duration.ofMillis(PATIENCE_MILLIS));
            vcpu.kick();
            runner.join();
            return done ? judge(Objects.requireNonNull(exit.get()), vcpu)
                    : Optional.of("three instructions at ring 0 do not come to an end");
        } catch (VzException failure) {
            return Optional.of("a machine cannot be tried out: " + failure.getMessage());
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            return Optional.of("the thread was interrupted while a machine was tried out");
        }
    }

    private static void prepare(GuestMemory memory, KvmVcpu vcpu) {
        memory.writeLong(LEVEL4, LEVEL3 | 3);
        memory.writeLong(LEVEL3, LEVEL2 | 3);
        memory.writeLong(LEVEL2, 0x83); // 2 MiB at 0
        // Gate 3: an interrupt gate at ring 0 (Intel SDM 3A, 6.14.1).
        memory.writeLong(IDT + 3 * 16, HANDLER & 0xFFFF | 8L << 16 | 0x8EL << 40 | HANDLER >>> 16 << 48);
        memory.writeLong(GDT + 8, 0x00AF_9B00_0000_FFFFL);
        memory.writeLong(GDT + 16, 0x00CF_9300_0000_FFFFL);
        boolean xsave = vcpu.supportedCpuid().has(CpuFeature.XSAVE);
        memory.write(CODE, HexFormat.of().parseHex(""
                + "f0480fc70f" // lock cmpxchg16b [rdi]
                + (xsave ? "0fae2f" : "0fae0f") // xrstor [rdi], or fxrstor [rdi] on a processor without it
                + "cc" // int3
                + "f4")); // hlt
        memory.write(HANDLER, HexFormat.of().parseHex("48cf")); // iretq
        SpecialRegisters special = SpecialRegisters.longMode(LEVEL4, 0)
                .withGdt(new DescriptorTable(GDT, 23)).withIdt(new DescriptorTable(IDT, 0x3F));
        vcpu.setSpecialRegisters(xsave ? special.withCr4(special.cr4() | SpecialRegisters.CR4_OSXSAVE) : special);
        vcpu.setRegisters(GeneralRegisters.zero().withRip(CODE).withRsp(STACK).withRdi(DATA).withRax(3));
    }

    private static Optional<String> judge(VcpuExit exit, KvmVcpu vcpu) {
        return switch (exit) {
            case VcpuExit.Halt _ -> Optional.empty();
            case VcpuExit.BackendInternalError error -> {
                var bytes = new StringBuilder();
                error.instructionBytes().stream().limit(5).forEach(b -> bytes.append(String.format(" %02x", b)));
                yield Optional.of("it interprets ring 0 instead of running it, and cannot execute"
                        + (bytes.isEmpty() ? " the instruction at 0x" + Long.toHexString(vcpu.registers().rip())
                                : bytes)
                        + " there (no SVM or VMX behind it)");
            }
            default -> Optional.of("three instructions at ring 0 end with " + exit);
        };
    }
}
