package dev.vz.cpu.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.x86.Cpuid.Entry;
import dev.vz.error.ConfigurationException;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class CpuidTest {

    private static final int INTEL = 0x756E_6547;
    private static final int AMD = 0x6874_7541;

    private static Cpuid host(int vendor) {
        return new Cpuid(List.of(Entry.of(0, 0x1F, vendor, 0, 0),
                Entry.of(1, 0x306A9, 0x0010_0800, 0x8020_0000, 0x78BFBFF),
                Entry.of(4, 0, 0x1C00_4121, 0x01C0_003F, 63, 0), Entry.of(4, 1, 0x1C03_C163, 0x03C0_003F, 4095, 6),
                Entry.of(4, 2, 0, 0, 0, 0), Entry.of(7, 0, 0, 0, 0, 0), Entry.of(0xB, 0, 0, 0, 0, 0),
                Entry.of(0x1F, 0, 0, 0, 0, 0), Entry.of(0x8000_0000, 0x8000_001E, 0, 0, 0),
                Entry.of(0x8000_0001, 0, 0, 0, 1 << 29), Entry.of(0x8000_0008, 0x3030, 0, 0x7F0F, 0),
                Entry.of(0x8000_001D, 0, 0x0C121, 0, 0, 0), Entry.of(0x8000_001E, 99, 99, 99, 99)));
    }

    @Test
    void answersByFunctionAndWhereItMattersIndex() {
        Cpuid cpuid = host(INTEL);
        assertThat(cpuid.find(1, 77)).map(Entry::eax).hasValue(0x306A9);
        assertThat(cpuid.find(4, 1)).map(Entry::edx).hasValue(6);
        assertThat(cpuid.find(4, 9)).isEmpty();
        assertThat(cpuid.find(0x1234, 0)).isEmpty();
    }

    @Property(tries = 200)
    void holdsEveryFeatureThatItWasGiven(@ForAll CpuFeature feature, @ForAll boolean empty) {
        Cpuid before = empty ? new Cpuid(List.of()) : host(INTEL);
        Cpuid with = before.with(feature, true);
        assertThat(with.has(feature)).isTrue();
        Cpuid without = with.with(feature, false);
        assertThat(without.has(feature)).isFalse();
        assertThat(Stream.of(CpuFeature.values()).filter(f -> f != feature))
                .allSatisfy(other -> assertThat(with.has(other)).as("%s", other).isEqualTo(before.has(other)));
    }

    @Property(tries = 200)
    void answersWithTheLeafThatWasPutIn(@ForAll @IntRange(min = 0, max = 8) int function,
            @ForAll @IntRange(min = 0, max = 3) int index, @ForAll boolean indexed, @ForAll int eax) {
        Entry entry = indexed ? Entry.of(function, index, eax, 1, 2, 3) : Entry.of(function, eax, 1, 2, 3);
        Cpuid with = host(INTEL).with(entry);
        assertThat(with.find(function, indexed ? index : 5)).hasValue(entry);
        assertThat(with.entries()).doesNotHaveDuplicates();
        assertThat(with.with(entry)).isEqualTo(with);
    }

    @Test
    void addsALeafThatDoesNotLookAtEcxAndRaisesTheLimit() {
        Cpuid small = new Cpuid(List.of(Entry.of(0, 0, 0, 0, 0), Entry.of(0x8000_0000, 0x8000_0000, 0, 0, 0)));
        Cpuid with = small.with(CpuFeature.SSE2, true).with(CpuFeature.LONG_MODE, true);
        assertThat(with.find(1, 12345)).as("EAX=1 answers whatever ECX is").isPresent();
        assertThat(with.find(0, 0)).map(Entry::eax).hasValue(1);
        assertThat(with.find(0x8000_0000, 0)).map(Entry::eax).hasValue(0x8000_0001);
        assertThat(small.with(CpuFeature.XSAVES, true).find(0xD, 0)).as("leaf 0xD looks at ECX").isEmpty();
    }

    @Test
    void numbersProcessorsInEveryLeafThatTellsOfTopology() {
        Cpuid second = host(INTEL).forProcessor(2, 3);
        Entry one = second.find(1, 0).orElseThrow();
        assertThat(one.ebx() >>> 24).as("initial APIC id").isEqualTo(2);
        assertThat(one.ebx() >>> 16 & 0xFF).as("logical processors").isEqualTo(3);
        assertThat(one.ebx() & 0xFFFF).as("what has nothing to do with it").isEqualTo(0x0800);
        assertThat(second.has(CpuFeature.HTT)).isTrue();
        for (int function : new int[] {0xB, 0x1F}) {
            assertThat(second.find(function, 0)).hasValue(Entry.of(function, 0, 0, 1, 0x100, 2));
            assertThat(second.find(function, 1)).as("two bits number three cores")
                    .hasValue(Entry.of(function, 1, 2, 3, 0x201, 2));
            assertThat(second.find(function, 2)).hasValue(Entry.of(function, 2, 0, 0, 2, 2));
        }
        assertThat(second.find(4, 0).orElseThrow().eax() >>> 14 & 0xFFF).as("L1 is a core's own").isZero();
        assertThat(second.find(4, 1).orElseThrow().eax() >>> 14 & 0xFFF).as("L3 is everybody's").isEqualTo(3);
        assertThat(second.find(4, 1).orElseThrow().eax() >>> 26).as("core ids less one").isEqualTo(3);
        assertThat(second.find(4, 2)).as("the end of the list").hasValue(Entry.of(4, 2, 0, 0, 0, 0));
        assertThat(second.find(0x8000_0008, 0).orElseThrow().ecx()).as("reserved on Intel").isEqualTo(0x7F0F);
    }

    @Test
    void numbersAmdProcessorsWhereAmdLooks() {
        Cpuid second = host(AMD).forProcessor(2, 3);
        assertThat(second.find(0x8000_0008, 0).orElseThrow().ecx()).isEqualTo(2 | 2 << 12 | 0xF00);
        assertThat(second.find(0x8000_001E, 0)).hasValue(Entry.of(0x8000_001E, 2, 2, 0, 0));
        assertThat(second.find(0x8000_001D, 0).orElseThrow().eax() >>> 26).isZero();
    }

    @Test
    void tellsOfOneProcessorWithoutHyperThreading() {
        Cpuid only = host(INTEL).with(CpuFeature.HTT, true).forProcessor(0, 1);
        assertThat(only.has(CpuFeature.HTT)).isFalse();
        assertThat(only.find(0xB, 1)).hasValue(Entry.of(0xB, 1, 0, 1, 0x201, 0));
        assertThat(host(INTEL).forProcessor(511, 512).find(1, 0).orElseThrow().ebx()).isEqualTo(0xFFFF_0800);
        assertThatThrownBy(() -> only.forProcessor(0, 0)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> only.forProcessor(-1, 1)).isInstanceOf(ConfigurationException.class);
    }

    @Property(tries = 100)
    void numbersAreUniqueAndFitTheirBits(@ForAll @IntRange(min = 1, max = 300) int processors) {
        int bits = host(INTEL).forProcessor(0, processors).find(0xB, 1).orElseThrow().eax();
        assertThat(1 << bits).isGreaterThanOrEqualTo(processors).isLessThan(2 * processors);
        assertThat(host(INTEL).forProcessor(processors - 1, processors).find(0xB, 0).orElseThrow().edx() >>> bits)
                .as("all in one package").isZero();
    }

    @Test
    void namesTheFeaturesThatAreMissing() {
        Cpuid here = host(INTEL).with(CpuFeature.AVX512F, false).with(CpuFeature.HTT, false);
        Cpuid saved = here.with(CpuFeature.AVX512F, true).with(CpuFeature.HTT, true).with(CpuFeature.OSXSAVE, true);
        assertThat(here.missingFrom(saved)).containsExactly(CpuFeature.AVX512F);
        assertThat(saved.missingFrom(here)).isEmpty();
    }
}
