package dev.vz.kvm;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;

/** A handler whose devices answer zeros; other exits end the run. Tests override what they look at. */
class Ports implements VcpuExitHandler {

    @Override
    public long portRead(int port, int size) {
        return 0;
    }

    @Override
    public void portWrite(int port, int size, long value) {
        // nothing is there
    }

    @Override
    public long mmioRead(long gpa, int size) {
        return 0;
    }

    @Override
    public void mmioWrite(long gpa, int size, long value) {
        // nothing is there
    }

    @Override
    public boolean exit(VcpuExit exit) {
        return false;
    }
}
