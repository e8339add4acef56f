package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.cpu.VcpuExit;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A vCPU on a thread of its own; what it writes to ports and MMIO can be waited for. */
final class Running implements AutoCloseable {

    /** {@code "out 10=41"} and {@code "mmio 100000=1"}, in the order of the guest. */
    final LinkedBlockingQueue<String> seen = new LinkedBlockingQueue<>();
    private final KvmVcpu vcpu;
    private final Thread thread;

    Running(KvmVcpu vcpu) {
        this.vcpu = vcpu;
        this.thread = Thread.ofPlatform().name("runner").start(() -> vcpu.run(new Ports() {
            @Override
            public void portWrite(int port, int size, long value) {
                seen.add("out %x=%x".formatted(port, value));
            }

            @Override
            public void mmioWrite(long gpa, int size, long value) {
                seen.add("mmio %x=%x".formatted(gpa, value));
            }

            @Override
            public boolean exit(VcpuExit exit) {
                seen.add(exit.toString());
                return false;
            }
        }));
    }

    void expect(String next) throws InterruptedException {
        assertThat(seen.poll(60, TimeUnit.SECONDS)).isEqualTo(next);
    }

    void expectNothing() throws InterruptedException {
        assertThat(seen.poll(50, TimeUnit.MILLISECONDS)).isNull();
    }

    /** Takes what is still under way, and expects that it ends. */
    void expectAnEnd() throws InterruptedException {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (seen.poll(200, TimeUnit.MILLISECONDS) != null) {
            assertThat(System.nanoTime()).as("the guest still writes").isLessThan(until);
        }
    }

    @Override
    public void close() throws InterruptedException {
        vcpu.kick();
        thread.join();
    }
}
