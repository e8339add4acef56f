package dev.vz.machine;

/** The same guests in machine code on the software processor. */
class EmulatedMachineTest extends MachineCodeTest {

    EmulatedMachineTest() {
        super("emulator");
    }
}
