package dev.vz.samples.cli.bench;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.emulator.EmulatorHypervisor;
import dev.vz.error.GuestException;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.memory.GuestMemory;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The guest that computes, and the ways to run it. */
final class ComputeGuest {

    private static final long LOAD = 0x10_0000;
    private static final int MEMORY = 64 << 20;
    private static final int ENTRY = 12 + 20;

    private final Path folder;
    private final Path image;

    /** Compiles the guest, with {@code rounds} rounds of each kernel, or of {@code only} one, in {@code folder}. */
    ComputeGuest(Path folder, int rounds, @Nullable String only) throws IOException, InterruptedException {
        this.folder = folder;
        for (String name : List.of("start.s", "compute.c", "system.c", "compute.ld")) {
            try (InputStream in = ComputeGuest.class.getResourceAsStream(name)) {
                Files.write(folder.resolve(name), Objects.requireNonNull(in, name).readAllBytes());
            }
        }
        call("gcc", only == null ? "-DALL" : "-DONLY=\"" + only + '"', "-O2", "-ffreestanding", "-nostdlib", "-static",
                "-fno-pic", "-no-pie", "-mno-red-zone",
                "-fno-stack-protector", "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-DROUNDS=" + rounds,
                "-Wl,--build-id=none", "-Wl,-T,compute.ld", "-w", "-o", "compute.elf", "start.s", "compute.c",
                "system.c");
        image = folder.resolve("compute.bin");
        call("objcopy", "-O", "binary", "compute.elf", image.toString());
    }

    private void call(String... command) throws IOException, InterruptedException {
        Process process = Peer.start(new ProcessBuilder(command).directory(folder.toFile())
                .redirectErrorStream(true).redirectOutput(folder.resolve("build.log").toFile()));
        if (process.waitFor() != 0) {
            throw new GuestException("Building the guest: " + command[0] + " ended with " + process.exitValue()
                    + " and said: " + Files.readString(folder.resolve("build.log")).strip());
        }
    }

    /** What a run has shown: seconds of each round of each kernel, and its result. */
    static final class Times {
        final Map<String, List<Double>> seconds = new LinkedHashMap<>();
        final Map<String, String> results = new LinkedHashMap<>();
        private long began;

        void line(String line) {
            String[] words = line.split(" ", -1);
            if (words[0].equals("begin")) {
                began = System.nanoTime();
            } else if (words[0].equals("end")) {
                seconds.computeIfAbsent(words[1], k -> new ArrayList<>()).add((System.nanoTime() - began) / 1e9);
                results.put(words[1], words[2]);
            }
        }

        /** The median of the last half of the rounds. */
        double steady(String kernel) {
            List<Double> all = seconds.getOrDefault(kernel, List.of(Double.NaN));
            List<Double> last = all.subList(all.size() / 2, all.size()).stream().sorted().toList();
            return last.get(last.size() / 2);
        }
    }

    /** Runs on the software CPU. */
    Times emulated(boolean translated) throws IOException {
        var times = new Times();
        try (GuestMemory memory = GuestMemory.ofSize(MEMORY);
                var machine = new EmulatorHypervisor().withTranslation(translated)
                        .createVirtualMachine(VirtualMachineConfig.of(memory))) {
            memory.write(LOAD, Files.readAllBytes(image));
            var vcpu = machine.createVcpu(0);
            vcpu.setSpecialRegisters(SpecialRegisters.protectedMode());
            vcpu.setRegisters(GeneralRegisters.zero().withRip(LOAD + ENTRY));
            vcpu.run(new Console(times));
        }
        return times;
    }

    private static final class Console implements VcpuExitHandler {
        private final Times times;
        private final StringBuilder line = new StringBuilder();

        Console(Times times) {
            this.times = times;
        }

        @Override
        public void portWrite(int port, int size, long value) {
            if (port != 0xE9) {
                return;
            }
            if (value == '\n') {
                times.line(line.toString());
                line.setLength(0);
            } else {
                line.append((char) value);
            }
        }

        @Override
        public long portRead(int port, int size) {
            return 0;
        }

        @Override
        public long mmioRead(long gpa, int size) {
            return 0;
        }

        @Override
        public void mmioWrite(long gpa, int size, long value) {
            // There are no devices.
        }

        @Override
        public boolean halt() {
            return false;
        }

        @Override
        public boolean exit(VcpuExit exit) {
            throw new GuestException("The computing guest left with " + exit);
        }
    }

    /** Runs on QEMU. */
    Times qemu() throws IOException, InterruptedException {
        var times = new Times();
        Process process = Peer.start(new ProcessBuilder("qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-display",
                "none",
                "-debugcon", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-nodefaults", "-no-reboot",
                "-kernel", image.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT));
        try (BufferedReader out = process.inputReader(StandardCharsets.US_ASCII)) {
            String line = out.readLine();
            while (line != null) {
                times.line(line);
                line = out.readLine();
            }
        }
        process.waitFor();
        return times;
    }
}
