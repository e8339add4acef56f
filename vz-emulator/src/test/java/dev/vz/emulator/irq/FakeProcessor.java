package dev.vz.emulator.irq;

import java.util.ArrayList;
import java.util.List;

/** Writes down what a local APIC asks of its processor. */
final class FakeProcessor implements LocalApic.Processor {

    final List<String> calls = new ArrayList<>();
    int attention;

    @Override
    public void attention() {
        attention++;
    }

    @Override
    public void nmi() {
        calls.add("nmi");
    }

    @Override
    public void smi() {
        calls.add("smi");
    }

    @Override
    public void init() {
        calls.add("init");
    }

    @Override
    public void startUp(int vector) {
        calls.add("sipi " + vector);
    }
}
