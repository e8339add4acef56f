package dev.vz.cpu.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.CapabilityException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The state of a processor goes in in the order in which its parts depend on each other. */
class X86StateTest {

    private static final Cpuid SUPPORTED = new Cpuid(List.of(Cpuid.Entry.of(1, 0, 0, 0, 0x0178_BFBF)));

    /** A vCPU that keeps what is set and notes the order. */
    private static final class Notebook implements InvocationHandler {
        final List<String> calls = new ArrayList<>();
        final List<MsrEntry> written = new ArrayList<>();
        final Map<String, Object> values = new HashMap<>();
        boolean withoutLapic;
        List<Integer> supported = List.of(Msr.TSC, Msr.EFER, Msr.TSC_DEADLINE);

        Notebook() {
            values.put("Cpuid", SUPPORTED);
            values.put("Registers", GeneralRegisters.reset().withRax(42));
            values.put("SpecialRegisters", SpecialRegisters.protectedMode());
            values.put("Xcr0", 7L);
            values.put("Xsave", XsaveArea.initial());
            values.put("DebugRegisters", DebugRegisters.reset());
            values.put("MpState", MpState.HALTED);
            values.put("Events", VcpuEvents.none());
            values.put("Lapic", LapicState.of(new byte[LapicState.SIZE]).with(LapicState.SVR, 0x1FF));
        }

        X86Vcpu vcpu() {
            return (X86Vcpu) Proxy.newProxyInstance(X86Vcpu.class.getClassLoader(), new Class<?>[] {X86Vcpu.class},
                    this);
        }

        @Override
        @SuppressWarnings("unchecked")
        public Object invoke(Object proxy, java.lang.reflect.Method method, Object[] arguments) throws Throwable {
            String name = method.getName();
            if (method.isDefault()) {
                return InvocationHandler.invokeDefault(proxy, method, arguments);
            }
            if (name.equals("lapic") && withoutLapic) {
                throw new CapabilityException("no local APIC");
            }
            if (name.startsWith("set")) {
                calls.add(name.substring(3));
                if (name.equals("setMsrs")) {
                    written.addAll((List<MsrEntry>) arguments[0]);
                    calls.set(calls.size() - 1, "Msrs" + ((List<MsrEntry>) arguments[0]).stream()
                            .map(e -> Msr.name(e.index())).toList());
                } else {
                    values.put(name.substring(3), arguments[0]);
                }
                return null;
            }
            return switch (name) {
                case "supportedMsrs" -> supported;
                case "supportedCpuid" -> SUPPORTED;
                case "msrs" -> ((List<Integer>) arguments[0]).stream().map(i -> new MsrEntry(i, 0x1000L + i)).toList();
                default -> values.get(Character.toUpperCase(name.charAt(0)) + name.substring(1));
            };
        }
    }

    @Test
    void putsEveryPartBackInOrder() {
        var from = new Notebook();
        X86State saved = from.vcpu().save();
        assertThat(saved.registers().rax()).isEqualTo(42);
        assertThat(saved.lapic()).isPresent();
        assertThat(saved.msrs()).extracting(MsrEntry::index).containsExactlyElementsOf(from.supported);

        var to = new Notebook();
        to.vcpu().restore(saved);
        assertThat(to.calls).contains("Cpuid", "Registers", "SpecialRegisters", "Xcr0", "Xsave", "DebugRegisters",
                "MpState", "Lapic", "Events", "Msrs[TSC, EFER]", "Msrs[TSC_DEADLINE]");
        assertThat(to.calls.getFirst()).as("CPUID says which bits the others may have").isEqualTo("Cpuid");
        assertThat(to.calls.indexOf("SpecialRegisters")).as("APIC base before the local APIC")
                .isLessThan(to.calls.indexOf("Lapic"));
        assertThat(to.calls.indexOf("SpecialRegisters")).as("EFER and CR4 before the MSRs")
                .isLessThan(to.calls.indexOf("Msrs[TSC, EFER]"));
        assertThat(to.calls.indexOf("Lapic")).as("the timer's mode before its deadline")
                .isLessThan(to.calls.indexOf("Msrs[TSC_DEADLINE]"));
        assertThat(to.calls.getLast()).as("what is in flight comes last").isEqualTo("Events");
        assertThat(to.vcpu().save()).isEqualTo(saved);
    }

    @Test
    void leavesOutTheLocalApicWhereThereIsNone() {
        var from = new Notebook();
        from.withoutLapic = true;
        X86State saved = from.vcpu().save();
        assertThat(saved.lapic()).isEqualTo(Optional.empty());
        var to = new Notebook();
        to.vcpu().restore(saved);
        assertThat(to.calls).doesNotContain("Lapic");
    }

    @Test
    void writesOnlyMsrsThatTheTargetHas() {
        X86State saved = new Notebook().vcpu().save();
        var to = new Notebook();
        to.supported = List.of(Msr.EFER);
        to.vcpu().restore(saved);
        assertThat(to.written).extracting(MsrEntry::index).containsExactly(Msr.EFER);
    }

    @Test
    void namesTheFeatureThatTheTargetLacksAndTouchesNothing() {
        var from = new Notebook();
        from.values.put("Cpuid", SUPPORTED.with(CpuFeature.AVX2, true));
        X86State saved = from.vcpu().save();
        var to = new Notebook();
        assertThatThrownBy(() -> to.vcpu().restore(saved)).isInstanceOf(CapabilityException.class)
                .hasMessageContaining("AVX2");
        assertThat(to.calls).isEmpty();
    }
}
