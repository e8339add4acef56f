package dev.vz.machine;

import dev.vz.testing.Peers;
import org.junit.jupiter.api.BeforeAll;

/** Guests in machine code on this host's KVM. */
class KvmMachineTest extends MachineCodeTest {

    KvmMachineTest() {
        super("kvm");
    }

    @BeforeAll
    static void kvm() {
        Peers.kvm();
    }
}
