package dev.vz.conformance;

import static dev.vz.conformance.GuestLayout.MMIO;
import static dev.vz.conformance.Memory.at;
import static dev.vz.conformance.Register.AX;
import static dev.vz.conformance.Register.BX;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.VcpuExit;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.Capability;
import dev.vz.irq.Doorbell;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A write to a doorbell reaches its listener and is no exit. */
interface DoorbellChapter extends Chapter {

    private static Doorbell hang(Guest guest, Doorbell.Address address, Runnable listener) {
        return ((Doorbell.Registrar) guest.machine()).register(address, listener);
    }

    private static void awaitRing(Semaphore rung) {
        try {
            assertThat(rung.tryAcquire(Guest.PATIENCE_SECONDS, TimeUnit.SECONDS)).as("the doorbell rang").isTrue();
        } catch (InterruptedException never) {
            throw new AssertionError(never);
        }
    }

    @ParameterizedTest
    @CsvSource({"LONG64,1", "LONG64,2", "LONG64,4", "LONG64,8", "USER64,4"})
    default void ringsAtMmioOfEveryWidth(GuestMode mode, int width) {
        requires(Capability.DOORBELL);
        try (Guest guest = guest(mode).code(a -> a.mov(4, BX, MMIO + 0x40).mov(4, AX, 7).store(width, at(BX), AX).end())
                .build()) {
            var rung = new Semaphore(0);
            try (Doorbell doorbell = hang(guest, Doorbell.Address.mmio(MMIO + 0x40, width), rung::release)) {
                assertThat(doorbell.address().range().length()).isEqualTo(width);
                guest.runToEnd();
                awaitRing(rung);
                assertThat(guest.exits()).as("no exit").isEmpty();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1", "2", "4"})
    default void ringsAtPortsOfEveryWidth(int width) {
        requires(Capability.DOORBELL);
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, AX, 7).out(width, 0x70).out(width, 0x78).end())
                .build()) {
            var rung = new Semaphore(0);
            try (Doorbell doorbell = hang(guest, Doorbell.Address.port(0x70, width), rung::release)) {
                guest.runToEnd();
                awaitRing(rung);
                assertThat(doorbell.address().space()).isEqualTo(Doorbell.Space.PORT);
                assertThat(guest.exits()).as("only the other port").containsExactly(
                        new VcpuExit.PortWrite(0x78, width, 1, 7));
            }
        }
    }

    @Test
    default void ringsForItsValueOnly() {
        requires(Capability.DOORBELL);
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, BX, MMIO).store(4, at(BX), 1).store(4, at(BX), 2)
                .store(4, at(BX), 3).end()).build()) {
            var one = new Semaphore(0);
            var three = new Semaphore(0);
            Doorbell.Address any = Doorbell.Address.mmio(MMIO, 4);
            try (Doorbell first = hang(guest, any.matching(1), one::release);
                    Doorbell third = hang(guest, any.matching(3), three::release)) {
                guest.runToEnd();
                awaitRing(one);
                awaitRing(three);
                assertThat(guest.exits()).containsExactly(new VcpuExit.MmioWrite(MMIO, 4, 2));
                assertThat(first.address().match()).hasValue(1);
                assertThat(third.address().match()).hasValue(3);
            }
        }
    }

    @Test
    default void ringsForItsWidthOnly() {
        requires(Capability.DOORBELL);
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, BX, MMIO).store(2, at(BX), 1).store(1, at(BX), 1)
                .load(4, AX, at(BX)).store(4, at(BX), 1).end()).build()) {
            var rung = new Semaphore(0);
            try (Doorbell doorbell = hang(guest, Doorbell.Address.mmio(MMIO, 4), rung::release)) {
                guest.runToEnd();
                awaitRing(rung);
                assertThat(guest.exits()).as("other widths, and reads").containsExactly(
                        new VcpuExit.MmioWrite(MMIO, 2, 1), new VcpuExit.MmioWrite(MMIO, 1, 1),
                        new VcpuExit.MmioRead(MMIO, 4));
                assertThat(doorbell.eventFd()).satisfiesAnyOf(fd -> assertThat(fd).isEmpty(),
                        fd -> assertThat(fd.getAsInt()).isPositive());
            }
        }
    }

    @Test
    default void isAnExitAgainAfterItsClose() {
        requires(Capability.DOORBELL);
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, BX, MMIO).store(4, at(BX), 9).end()).build()) {
            for (int i = 0; i < 20; i++) {
                var rung = new Semaphore(0);
                Doorbell doorbell = hang(guest, Doorbell.Address.mmio(MMIO, 4), rung::release);
                guest.start(0, GuestLayout.CODE);
                guest.runToEnd();
                awaitRing(rung);
                doorbell.close();
                doorbell.close();
                guest.start(0, GuestLayout.CODE);
                guest.runToEnd();
                assertThat(guest.exits()).hasSize(i + 1).last().isEqualTo(new VcpuExit.MmioWrite(MMIO, 4, 9));
            }
        }
    }

    @Test
    default void neverCallsItsListenerAfterItsClose() {
        requires(Capability.DOORBELL);
        try (Guest guest = guest(GuestMode.LONG64).code(a -> a.mov(4, BX, MMIO).store(4, at(BX), 9).end()).build()) {
            var late = new AtomicInteger();
            for (int i = 0; i < 100; i++) {
                var gone = new AtomicBoolean();
                Doorbell doorbell = hang(guest, Doorbell.Address.mmio(MMIO, 4), () -> {
                    if (gone.get()) {
                        late.incrementAndGet();
                    }
                });
                guest.start(0, GuestLayout.CODE);
                guest.runToEnd();
                doorbell.close();
                gone.set(true);
            }
            assertThat(late).hasValue(0);
        }
    }

    @Test
    default void hangsOnceAtAnAddress() {
        requires(Capability.DOORBELL);
        try (Guest guest = guest(GuestMode.LONG64).build()) {
            Doorbell.Address address = Doorbell.Address.mmio(MMIO, 4).matching(5);
            try (Doorbell doorbell = hang(guest, address, () -> {})) {
                assertThat(doorbell.address()).isEqualTo(address);
                assertThatThrownBy(() -> hang(guest, address, () -> {})).isInstanceOf(ConfigurationException.class);
            }
            hang(guest, address, () -> {}).close();
        }
    }
}
