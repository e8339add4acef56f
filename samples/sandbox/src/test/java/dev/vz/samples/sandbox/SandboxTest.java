package dev.vz.samples.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.testing.Peers;
import java.time.Duration;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SandboxTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static Hypervisor hypervisor;

    @BeforeAll
    static void findKvm() {
        Peers.kvm();
        hypervisor = Hypervisors.best();
    }

    @Test
    void codeReturnsWhatItWritesToTheDoor() {
        // lea rax, [rdi + 2]; mov [rsi], rax
        try (Sandbox sandbox = sandbox("488d4702 488906 ebfe")) {
            for (long argument : new long[] {40, -3, Long.MAX_VALUE - 2}) {
                assertThat(sandbox.run(argument, LIMIT)).isEqualTo(new Sandbox.Result.Returned(argument + 2));
            }
        }
    }

    @Test
    void codeHasAStackAndDataThatLastFromRunToRun() {
        // mov rax, [0x100000]; add rax, rdi; mov [0x100000], rax; push rax; pop rdx; mov [rsi], rdx
        try (Sandbox sandbox = sandbox("488b042500001000 4801f8 4889042500001000 50 5a 488916 ebfe")) {
            assertThat(sandbox.run(5, LIMIT)).isEqualTo(new Sandbox.Result.Returned(5));
            assertThat(sandbox.run(6, LIMIT)).isEqualTo(new Sandbox.Result.Returned(11));
            assertThat(sandbox.memory().readLong(SandboxMemory.DATA)).isEqualTo(11);
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"hlt, f4", "cli, fa", "mov cr3 from rax, 0f22d8", "rdmsr, 0f32", "in from port 0x60, e460",
        "out to port 0x60, e660", "int 0x80, cd80", "a page table, 488b042500000000",
        "unmapped memory, 488b042500004000",
        "a write to its code, 4889042500000100", "a jump to its data, b800001000 ffe0",
        "beyond its data, 488b042500001800", "the kernel half, 48a100000000000080ff", "an invalid opcode, 0f0b"})
    void whatNeedsMoreThanItsOwnMemoryIsAFault(String what, String code) {
        try (Sandbox sandbox = sandbox(code + " 488906 ebfe")) {
            assertThat(sandbox.run(0, LIMIT)).isInstanceOf(Sandbox.Result.Faulted.class);
            assertThatThrownBy(() -> sandbox.run(0, LIMIT)).isInstanceOf(LifecycleException.class)
                    .hasMessageContaining("faulted");
        }
    }

    @Test
    void anEndlessLoopIsStoppedAndTheSandboxCanBeUsedAgain() {
        // test rdi, rdi; jz itself; mov [rsi], rdi
        try (Sandbox sandbox = sandbox("4885ff 74fb 48893e ebfe")) {
            assertThat(sandbox.run(7, LIMIT)).isEqualTo(new Sandbox.Result.Returned(7));
            assertThat(sandbox.run(0, Duration.ofMillis(100))).isEqualTo(new Sandbox.Result.TimedOut());
            assertThat(sandbox.run(8, LIMIT)).isEqualTo(new Sandbox.Result.Returned(8));
        }
    }

    @Test
    void anAlarmThatRacesWithTheReturnDisturbsNoLaterRun() {
        try (Sandbox sandbox = sandbox("48893e ebfe")) {
            for (int i = 1; i < 500; i++) {
                Sandbox.Result first = sandbox.run(i, Duration.ofNanos(i * 400L));
                assertThat(first).isIn(new Sandbox.Result.Returned(i), new Sandbox.Result.TimedOut());
                assertThat(sandbox.run(-i, LIMIT)).isEqualTo(new Sandbox.Result.Returned(-i));
            }
        }
    }

    @Test
    void codeThatDoesNotFitIsRefused() {
        assertThatThrownBy(() -> Sandbox.of(hypervisor, new byte[0])).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> Sandbox.of(hypervisor, new byte[SandboxMemory.CODE_ROOM + 1]))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("524289");
    }

    /**
     * Interpreted, this loop does about a million instructions a second; on the processor, thousands of millions. Twenty
     * tell the one from the other on a host, too, that has little time for either.
     */
    @Test
    void aLoopRunsAtTheProcessorsOwnSpeed() {
        SandboxSpeed.Report report = SandboxSpeed.measure(hypervisor, 100_000_000);
        report.print(System.out);
        assertThat(report.sandboxRate()).isGreaterThan(20e6);
    }

    private static Sandbox sandbox(String code) {
        return Sandbox.of(hypervisor, HexFormat.of().parseHex(code.replace(" ", "")));
    }
}
