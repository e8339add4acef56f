package dev.vz.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.VcpuExit;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.machine.MachineOutcome.Crashed;
import dev.vz.machine.MachineOutcome.DebugExit;
import dev.vz.machine.MachineOutcome.PoweredOff;
import dev.vz.machine.acpi.AcpiInspection;
import dev.vz.machine.boot.BootArea;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.CodeBoot;
import dev.vz.machine.serial.SerialConsole;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Machines on one back end, running guests in machine code. Every wait is bounded: a guest that hangs fails its test. */
@Timeout(120)
abstract class MachineCodeTest {

    private static final String HALT = "F4 EB FD";
    private static final Duration LONG = Duration.ofSeconds(30);

    private final String backEnd;
    private Hypervisor hypervisor;

    MachineCodeTest(String backEnd) {
        this.backEnd = backEnd;
    }

    @BeforeEach
    void findBackEnd() {
        hypervisor = Hypervisors.named(backEnd);
        String missing = Hypervisors.missing(hypervisor, Capability.INTERRUPT_CONTROLLER);
        Peers.require(missing.isEmpty(), backEnd + " " + missing);
    }

    private static MachineDescription description(CodeBoot.Mode mode, long address, String code) {
        byte[] bytes = HexFormat.of().parseHex(code.replaceAll("\\s", ""));
        return MachineDescription.of("code-test", new CodeBoot(BootFile.of("test code", bytes), address, mode))
                .withMemory(16 << 20).withPlatform(p -> p.withDebugExit(0xF4));
    }

    private MachineOutcome outcomeOf(MachineDescription description) throws InterruptedException {
        try (RunningMachine machine = Machine.build(hypervisor, description).start()) {
            return machine.await(LONG).orElseThrow(() -> new AssertionError("the guest did not end"));
        }
    }

    @Test
    void sixty_four_bit_code_writes_to_the_serial_port_and_powers_off() throws Exception {
        BuiltMachine built = Machine.build(hypervisor, description(CodeBoot.Mode.LONG, 0x10_0000, """
                66 BA F8 03  B0 48 EE  B0 69 EE
                66 BA 04 06  66 B8 00 34  66 EF
                """ + HALT)); // mov dx, 3f8; "Hi"; mov dx, 604; out dx, SLP_EN | S5
        SerialConsole console = SerialConsole.connect(built.serialPorts().getFirst());
        try (RunningMachine machine = built.start()) {
            assertThat(machine.await(LONG)).contains(new PoweredOff());
        }
        assertThat(console.output()).isEqualTo("Hi");
    }

    @Test
    void real_mode_code_starts_at_its_first_byte() throws Exception {
        assertThat(outcomeOf(description(CodeBoot.Mode.REAL, 0x7C00, "B0 2A BA F4 00 EE" + HALT)))
                .isEqualTo(new DebugExit(42));
    }

    @Test
    void protected_mode_code_sees_flat_memory() throws Exception {
        // mov eax, [00100000]: the first byte of itself, A1
        assertThat(outcomeOf(description(CodeBoot.Mode.PROTECTED, 0x10_0000, "A1 00 00 10 00 66 BA F4 00 EE" + HALT)))
                .isEqualTo(new DebugExit(0xA1));
    }

    @Test
    void a_byte_that_arrives_at_the_serial_port_interrupts_a_halted_guest() throws Exception {
        int handler = 0x7C00 + 0x3B;
        BuiltMachine built = Machine.build(hypervisor, description(CodeBoot.Mode.REAL, 0x7C00, """
                FA  31 C0  8E D8
                C7 06 90 00 %02X %02X  C7 06 92 00 00 00
                B0 11 E6 20  B0 20 E6 21  B0 04 E6 21  B0 01 E6 21  B0 EF E6 21
                BA FC 03 B0 08 EE  BA F9 03 B0 01 EE  BA F8 03 B0 3F EE
                FB  F4 EB FD
                BA F8 03 EC  BA F4 00 EE
                """.formatted(handler & 0xFF, handler >>> 8) + HALT));
        // vector 24; the 8259 started and input 4 open; OUT2, IER = RDA, '?'; sti, hlt; handler: debug exit(RBR)
        SerialConsole console = SerialConsole.connect(built.serialPorts().getFirst());
        try (RunningMachine machine = built.start()) {
            assertThat(console.awaitOutput("?", LONG)).isTrue();
            Thread.sleep(20); // the guest is halted by now, and must be woken
            console.type("x");
            assertThat(machine.await(LONG)).contains(new DebugExit('x'));
        }
    }

    @Test
    void the_timer_interrupts_where_the_firmware_tables_say() throws Exception {
        MachineDescription description = description(CodeBoot.Mode.PROTECTED, 0x10_0000, HALT);
        int input;
        try (BuiltMachine built = Machine.build(hypervisor, description)) {
            input = timerInput(built);
        }
        // I/O APIC: entry of that input, vector 30 to processor 0; local APIC on; 8254: 4096 ticks, again and again;
        // until the local APIC's request register has vector 30: debug exit(30)
        assertThat(outcomeOf(description(CodeBoot.Mode.PROTECTED, 0x10_0000, """
                BF 00 00 C0 FE
                C7 07 %02X 00 00 00  C7 47 10 00 00 00 00
                C7 07 %02X 00 00 00  C7 47 10 30 00 00 00
                BE 00 00 E0 FE  C7 86 F0 00 00 00 FF 01 00 00
                B0 34 E6 43  B0 00 E6 40  B0 10 E6 40
                8B 86 10 02 00 00  A9 00 00 01 00  74 F3
                B0 30  66 BA F4 00  EE
                """.formatted(0x11 + 2 * input, 0x10 + 2 * input) + HALT))).isEqualTo(new DebugExit(0x30));
    }

    /** The I/O APIC's input that ISA interrupt 0 leads to: its own number, if the MADT has no override for it. */
    private static int timerInput(BuiltMachine built) {
        byte[] area = built.firmwareTables();
        ByteBuffer madt = ByteBuffer.wrap(AcpiInspection.tables(area, BootArea.FIRMWARE_TABLES).get("APIC"))
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 44; at < madt.limit(); at += madt.get(at + 1)) {
            if (madt.get(at) == 2 && madt.get(at + 3) == 0) {
                return madt.getInt(at + 4);
            }
        }
        return 0;
    }

    @Test
    void an_application_processor_starts_where_the_startup_ipi_says() throws Exception {
        String boot = """
                BB 00 03 E0 FE  C7 43 10 00 00 00 01
                C7 03 00 45 00 00  C7 03 11 46 00 00  C7 03 11 46 00 00
                """ + HALT; // ICR: INIT, then twice a start-up IPI for page 11, to APIC id 1
        int length = HexFormat.of().parseHex(boot.replaceAll("\\s", "")).length;
        String code = boot + "00".repeat(0x1000 - length) + "BA F4 00 B0 07 EE" + HALT;
        assertThat(outcomeOf(description(CodeBoot.Mode.LONG, 0x1_0000, code).withCpus(2))).isEqualTo(new DebugExit(7));
    }

    @Test
    void a_triple_fault_ends_the_machine_with_a_typed_error() throws Exception {
        // ud2 with an interrupt descriptor table of zeros
        var crashed = (Crashed) outcomeOf(description(CodeBoot.Mode.LONG, 0x10_0000, "0F 0B" + HALT));
        assertThat(crashed.exit()).contains(new VcpuExit.Shutdown());
        assertThat(crashed.error())
                .hasMessageStartingWith("vCPU 0 of machine \"code-test\" stopped with a triple fault");
    }

    @Test
    void a_reset_boots_again_and_leaves_the_rest_of_memory() throws Exception {
        // inc byte [200000]; at 3: debug exit; else out cf9, 6
        assertThat(outcomeOf(description(CodeBoot.Mode.LONG, 0x10_0000, """
                FE 04 25 00 00 20 00  8A 04 25 00 00 20 00  3C 03  74 09
                66 BA F9 0C B0 06 EE EB FE
                66 BA F4 00 EE
                """ + HALT))).isEqualTo(new DebugExit(3));
    }

    @Test
    void a_guest_that_never_leaves_can_be_paused_reset_and_stopped() throws Exception {
        try (RunningMachine machine = Machine
                .build(hypervisor, description(CodeBoot.Mode.LONG, 0x10_0000, "EB FE").withCpus(2)).start()) {
            for (int i = 0; i < 20; i++) {
                try (PausedMachine paused = machine.pause()) {
                    assertThat(paused.vcpus().getFirst().registers().rip()).isEqualTo(0x10_0000);
                }
            }
            machine.reset();
            try (PausedMachine paused = machine.pause()) {
                assertThat(paused.vcpus().getFirst().registers().rip()).isEqualTo(0x10_0000);
            }
            machine.stop();
            assertThat(machine.outcome()).contains(new MachineOutcome.Stopped());
        }
    }

    @Test
    void the_time_of_day_comes_from_the_host() throws Exception {
        // out 70, 32; in 71: the century
        assertThat(outcomeOf(description(CodeBoot.Mode.REAL, 0x7C00, "B0 32 E6 70 E4 71 BA F4 00 EE" + HALT)))
                .isEqualTo(new DebugExit(0x20));
    }

    @Test
    void several_machines_run_at_the_same_time() throws Exception {
        var machines = new ArrayList<RunningMachine>();
        try {
            for (int i = 0; i < 6; i++) {
                // a million rounds, then debug exit(i)
                machines.add(Machine.build(hypervisor, description(CodeBoot.Mode.LONG, 0x10_0000,
                        "B9 00 20 00 00 FF C9 75 FC B0 %02X 66 BA F4 00 EE".formatted(i) + HALT).withName("m" + i))
                        .start());
            }
            for (int i = 0; i < 6; i++) {
                assertThat(machines.get(i).await(LONG)).contains(new DebugExit(i));
            }
        } finally {
            machines.forEach(RunningMachine::close);
        }
    }

    @Test
    void many_lives_leave_no_descriptor_and_no_mapping_behind() throws Exception {
        MachineDescription description = description(CodeBoot.Mode.REAL, 0x7C00, "BA F4 00 EE" + HALT).withCpus(2);
        for (int i = 0; i < 50; i++) {
            outcomeOf(description);
        }
        long descriptors = descriptors();
        long mappings = mappings();
        // As many as a busy host has time for.
        long enough = System.nanoTime() + LONG.toNanos();
        for (int i = 0; i < 1_000 && (i < 250 || System.nanoTime() < enough); i++) {
            assertThat(outcomeOf(description)).isInstanceOf(DebugExit.class);
        }
        // The JVM itself opens a file for a moment now and then; what leaked stays.
        ScriptedMachines.await(() -> descriptors() <= descriptors);
        // The JVM itself maps something now and then; a leak would be hundreds.
        assertThat(mappings()).isLessThan(mappings + 100);
    }

    private static long descriptors() {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.count();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static long mappings() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.count();
        }
    }
}
