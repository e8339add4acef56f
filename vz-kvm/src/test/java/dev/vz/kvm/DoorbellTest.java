package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.VcpuExit;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.irq.Doorbell;
import dev.vz.linux.event.EventFd;
import dev.vz.testing.Peers;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Writes that ring instead of leaving the guest. */
@Timeout(120)
class DoorbellTest {

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }

    @Test
    void aWriteToTheAddressRingsAndDoesNotLeaveTheGuest() throws InterruptedException {
        // mov dx,0x10; out dx,ax; hlt
        try (var guest = Guest.realMode("ba1000 ef f4")) {
            var rings = new Semaphore(0);
            Doorbell doorbell = guest.machine.register(Doorbell.Address.port(0x10, 2), rings::release);
            assertThat(doorbell.eventFd()).isPresent();
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            assertThat(rings.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
            doorbell.close();
            doorbell.close();
            guest.start(guest.vcpu, Guest.CODE);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.PortWrite(0x10, 2, 1, 0));
            assertThat(rings.tryAcquire(20, TimeUnit.MILLISECONDS)).isFalse();
        }
    }

    @Test
    void onlyTheMatchingValueRings() throws InterruptedException {
        // es = 0xffff; mov ax,7; mov es:[0x10],ax; mov ax,8; mov es:[0x10],ax; hlt
        try (var guest = Guest.realMode("b8ffff 8ec0 b80700 26a31000 b80800 26a31000 f4")) {
            var seven = new Semaphore(0);
            var eight = new Semaphore(0);
            Doorbell.Address address = Doorbell.Address.mmio(0x100000, 2);
            guest.machine.register(address.matching(7), seven::release);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.MmioWrite(0x100000, 2, 8));
            assertThat(seven.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
            guest.machine.register(address.matching(8), eight::release);
            guest.start(guest.vcpu, Guest.CODE);
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            assertThat(seven.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
            assertThat(eight.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void twoDoorbellsAtOneAddressAreRefused() {
        try (var guest = Guest.realMode("f4")) {
            Doorbell.Address address = Doorbell.Address.mmio(0x200000, 4);
            guest.machine.register(address, () -> {});
            assertThatThrownBy(() -> guest.machine.register(address, () -> {}))
                    .isInstanceOf(ConfigurationException.class).hasMessageContaining("There is a doorbell at")
                    .hasMessageContaining("already");
        }
    }

    @Test
    void aDescriptorOfTheCallersCanBeRung() {
        try (var guest = Guest.realMode("ba1000 ee f4"); var event = EventFd.nonBlocking()) {
            Doorbell doorbell = guest.machine.registerDescriptor(Doorbell.Address.port(0x10, 1),
                    event.descriptor().value());
            assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
            assertThat(event.take()).isEqualTo(1);
            doorbell.close();
            assertThat(event.descriptor().isOpen()).isTrue();
        }
    }

    @Test
    void aListenerThatThrowsIsCalledAgain() throws InterruptedException {
        try (var guest = Guest.realMode("ba1000 ee f4")) {
            var rings = new Semaphore(0);
            guest.machine.register(Doorbell.Address.port(0x10, 1), () -> {
                rings.release();
                throw new IllegalStateException("a device that a guest made fail");
            });
            for (int i = 0; i < 3; i++) {
                guest.start(guest.vcpu, Guest.CODE);
                assertThat(guest.vcpu.run()).isEqualTo(new VcpuExit.Halt());
                assertThat(rings.tryAcquire(60, TimeUnit.SECONDS)).as("ring " + i).isTrue();
            }
        }
    }

    @Test
    void aClosedMachineTakesNoDoorbell() {
        var guest = Guest.realMode("f4");
        Doorbell doorbell = guest.machine.register(Doorbell.Address.port(0x10, 1), () -> {});
        guest.close();
        doorbell.close();
        assertThatThrownBy(() -> guest.machine.register(Doorbell.Address.port(0x10, 1), () -> {}))
                .isInstanceOf(LifecycleException.class);
    }
}
