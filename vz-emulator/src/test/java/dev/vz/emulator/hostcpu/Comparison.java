package dev.vz.emulator.hostcpu;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Executes instructions on the host and in Java from the same generated states, and collects where they disagree. The seed
 * of the generator is in every report, and setting the system property {@code vz.seed} repeats a run.
 */
public final class Comparison {

    private static final int REPORTED = 12;

    private final HostCpu host;
    private final long seed = Long.getLong("vz.seed", System.nanoTime());
    private final byte[] before = new byte[HostCpu.CASES * MachineCase.LENGTH];
    private final byte[] after = new byte[HostCpu.CASES * MachineCase.LENGTH];
    private final List<String> differences = new ArrayList<>();
    private final MachineCase modelled = new MachineCase();
    private final MachineCase executed = new MachineCase();
    private long cases;

    /** Compares with a host. */
    public Comparison(HostCpu host) {
        this.host = host;
    }

    /** The seed of all generators. */
    public long seed() {
        return seed;
    }

    /** How many cases have been compared. */
    public long cases() {
        return cases;
    }

    /** Descriptions of the first disagreements. */
    public List<String> differences() {
        return differences;
    }

    /**
     * Compares one instruction.
     *
     * @param name the instruction, for reports
     * @param code its bytes
     * @param count how many cases
     * @param generator fills in a state
     * @param model the instruction in Java
     * @param tolerance given model and host, whether a disagreement is within what is allowed
     * @param description writes out a state for reports
     */
    public void compare(String name, byte[] code, int count, Generator generator, Consumer<MachineCase> model,
            BiPredicate<MachineCase, MachineCase> tolerance, Function<MachineCase, String> description) {
        SplittableRandom random = new SplittableRandom(seed ^ name.hashCode() * 0x9E3779B97F4A7C15L);
        int found = 0;
        for (int done = 0; done < count; done += HostCpu.CASES) {
            int batch = Math.min(HostCpu.CASES, count - done);
            for (int i = 0; i < batch; i++) {
                generator.fill(modelled, random);
                modelled.signal = 0;
                modelled.write(before, i * MachineCase.LENGTH);
            }
            System.arraycopy(before, 0, after, 0, batch * MachineCase.LENGTH);
            host.execute(code, after, batch);
            for (int i = 0; i < batch; i++) {
                modelled.read(before, i * MachineCase.LENGTH);
                model.accept(modelled);
                executed.read(after, i * MachineCase.LENGTH);
                String difference = modelled.difference(executed);
                if (!difference.isEmpty() && !tolerance.test(modelled, executed) && found++ < REPORTED) {
                    modelled.read(before, i * MachineCase.LENGTH);
                    differences.add("%s (%s) on %s: model/host%s; seed %d".formatted(name,
                            HexFormat.of().formatHex(code), description.apply(modelled), difference, seed));
                }
            }
            cases += batch;
        }
        if (found > REPORTED) {
            differences.add("%s: %d of %d cases differ".formatted(name, found, count));
        }
    }

    /** Compares one instruction bit for bit. */
    public void compare(String name, byte[] code, int count, Generator generator, Consumer<MachineCase> model,
            Function<MachineCase, String> description) {
        compare(name, code, count, generator, model, (mine, theirs) -> false, description);
    }

    /** Fills in the state that an instruction is to find. */
    @FunctionalInterface
    public interface Generator {

        /** Overwrites what matters in a case. */
        void fill(MachineCase state, SplittableRandom random);
    }
}
