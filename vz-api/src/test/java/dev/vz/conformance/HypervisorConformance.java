package dev.vz.conformance;

import dev.vz.hypervisor.Hypervisor;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What every back end has to do, as tests: extend it and say which back end.
 *
 * <pre>{@code
 * class MyConformanceTest extends HypervisorConformance {
 *     @Override
 *     public Hypervisor hypervisor() {
 *         return new MyHypervisor();
 *     }
 * }
 * }</pre>
 *
 * <p>
 * The kit is in the tests jar of vz-api and needs JUnit 6 and AssertJ beside it:
 *
 * <pre>{@code
 * <dependency>
 *   <groupId>dev.vz</groupId>
 *   <artifactId>vz-api</artifactId>
 *   <version>...</version>
 *   <type>test-jar</type>
 *   <scope>test</scope>
 * </dependency>
 * }</pre>
 *
 * <h2>What is asked of a back end</h2>
 *
 * The guests are a few instructions each, in real mode, flat and segmented 32-bit protected mode, and 64-bit mode at
 * privilege levels 0 and 3. What a back end announces in {@link Hypervisor#capabilities()} it has to pass; what it does not
 * announce is skipped, with the capability as the reason, and counted in the line that is logged at the end. Without any
 * capability it still has to run ordinary code in all modes, port and memory-mapped accesses of every size, strings,
 * exceptions, CPUID, MSRs, the vector state, kicks, saved states and the lifetimes.
 * {@link dev.vz.hypervisor.Capability#FULL_SYSTEM} adds the instructions and corner cases that an operating system meets
 * and that a back end for bare code may do without. A back end that is not available on this host skips everything, or fails
 * if the environment has {@code VZ_REQUIRE_PEERS=1}.
 *
 * <p>
 * How a back end cuts a string of port accesses or an access across a page into exits is its own choice, and so is when
 * exactly it notices an interrupt window; the bytes and their order are not. A guest that does not come to its end is kicked
 * after {@link Guest#PATIENCE_SECONDS} seconds and its registers are shown.
 *
 * <h2>Where to look</h2>
 *
 * One interface for each subject ({@code ExecutionChapter}, {@code PortChapter}, {@code InterruptChapter} …) with one test
 * for each sentence. Run one with {@code -Dtest=MyConformanceTest#readsPortsOfEverySize*}. Guests of one's own are built
 * with {@link Guest#on} and {@link Assembler}; {@link GuestLayout} says where their tables, stacks and data are.
 */
@ExtendWith(ConformanceReport.class)
public abstract class HypervisorConformance implements ExecutionChapter, PortChapter, MmioChapter, StringIoChapter,
        InjectionChapter, ExceptionChapter, CpuidChapter, VectorChapter, KickChapter, DebugChapter, MemoryChapter,
        RegisterChapter, StateChapter, LifecycleChapter, ExitFormChapter, SmpChapter, DoorbellChapter,
        InterruptChapter {

    /** Called by subclasses. */
    protected HypervisorConformance() {}

    /** The back end on trial. Asked often; may be the same object each time. */
    @Override
    public abstract Hypervisor hypervisor();
}
