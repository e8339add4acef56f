package dev.vz.machine.device;

import java.util.ArrayList;
import java.util.List;

/** Notes what devices ask of the machine. */
final class RecordingPower implements PowerControl {

    final List<String> asked = new ArrayList<>();

    @Override
    public void powerOff() {
        asked.add("power off");
    }

    @Override
    public void reset(String source) {
        asked.add("reset: " + source);
    }

    @Override
    public void debugExit(int value) {
        asked.add("debug exit " + value);
    }
}
