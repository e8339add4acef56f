package dev.vz.cpu.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.cpu.x86.GuestDebug.Breakpoint;
import dev.vz.cpu.x86.GuestDebug.Condition;
import dev.vz.cpu.x86.GuestDebug.Settings;
import dev.vz.error.ConfigurationException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.Collections;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class RegistersTest {

    /** Every {@code withX} changes X and nothing else. */
    private static void checkWithers(Record record, Object... samples) throws ReflectiveOperationException {
        int checked = 0;
        for (RecordComponent component : record.getClass().getRecordComponents()) {
            String name = component.getName();
            Object other = null;
            for (Object sample : samples) {
                if (sample.getClass() == component.getType()
                        || component.getType() == long.class && sample instanceof Long
                        || component.getType() == int.class && sample instanceof Integer) {
                    other = sample;
                }
            }
            Method wither = record.getClass().getMethod(
                    "with" + Character.toUpperCase(name.charAt(0)) + name.substring(1), component.getType());
            Object changed = wither.invoke(record, other);
            for (RecordComponent each : record.getClass().getRecordComponents()) {
                Object expected = each.getName().equals(name) ? other : each.getAccessor().invoke(record);
                assertThat(each.getAccessor().invoke(changed)).as("%s after %s", each.getName(), wither.getName())
                        .isEqualTo(expected);
            }
            checked++;
        }
        assertThat(checked).isEqualTo(record.getClass().getRecordComponents().length);
    }

    @Test
    void changesOneRegisterAtATime() throws Exception {
        checkWithers(new GeneralRegisters(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18), 0x99L);
        checkWithers(SpecialRegisters.longMode(0x1000, 3), 0x77L, 5, Segment.realMode(0x1234, false),
                new DescriptorTable(1, 2));
    }

    @Test
    void startsAsTheManualsSay() {
        assertThat(GeneralRegisters.reset().rip()).isEqualTo(0xFFF0);
        assertThat(GeneralRegisters.reset().rflags()).isEqualTo(2);
        assertThat(DebugRegisters.reset().dr6()).isEqualTo(0xFFFF_0FF0L);
        assertThat(DebugRegisters.reset().dr7()).isEqualTo(0x400);
        XsaveArea initial = XsaveArea.initial();
        assertThat(initial.fcw()).isEqualTo(0x37F);
        assertThat(initial.mxcsr()).isEqualTo(0x1F80);
        assertThat(initial.ftw()).isZero();
        assertThat(initial.xstateBv()).isZero();
        assertThat(VcpuEvents.none().exception().injected()).isFalse();
    }

    @Test
    void describesFlatSegments() {
        Segment user = Segment.code64(0x2B, 3);
        assertThat(user.longMode()).isTrue();
        assertThat(user.defaultBig()).as("L and D exclude each other").isFalse();
        assertThat(user.dpl()).isEqualTo(3);
        assertThat(Segment.code32(8, 0).defaultBig()).isTrue();
        assertThat(Segment.realMode(0xF000, true).base()).isEqualTo(0xF_0000);
        assertThat(Segment.realMode(0xF000, true).withBase(0xFFFF_0000L).base()).isEqualTo(0xFFFF_0000L);
        assertThat(Segment.task(0x28, 0x3000, 103, true).type()).as("busy").isEqualTo(11);
        SpecialRegisters mode = SpecialRegisters.longMode(0x9000, 3);
        assertThat(mode.efer()).isEqualTo(0xD01);
        assertThat(mode.cs().selector() & 3).isEqualTo(3);
        assertThat(mode.ss().dpl()).isEqualTo(3);
    }

    @Property
    void readsTheVectorStateLittleEndian(@ForAll @IntRange(min = 0, max = 7) int st,
            @ForAll @IntRange(min = 0, max = 15) int xmm, @ForAll long value) {
        byte[] image = XsaveArea.initial().toByteArray();
        for (int b = 0; b < 8; b++) {
            image[160 + 16 * xmm + b] = (byte) (value >>> 8 * b);
            image[168 + 16 * xmm + b] = (byte) (~value >>> 8 * b);
            image[32 + 16 * st + b] = (byte) (value >>> 8 * b);
        }
        image[40 + 16 * st] = (byte) 0xFE;
        image[41 + 16 * st] = (byte) 0xBF;
        image[2] = 0x34;
        image[3] = 0x12;
        image[4] = (byte) 0x81;
        image[512] = 3;
        XsaveArea area = XsaveArea.of(image);
        assertThat(area.xmmLow(xmm)).isEqualTo(value);
        assertThat(area.xmmHigh(xmm)).isEqualTo(~value);
        assertThat(area.stSignificand(st)).isEqualTo(value);
        assertThat(area.stSignExponent(st)).isEqualTo(0xBFFE);
        assertThat(area.fsw()).isEqualTo(0x1234);
        assertThat(area.ftw()).isEqualTo(0x81);
        assertThat(area.xstateBv()).isEqualTo(3);
        assertThat(XsaveArea.of(area.toByteArray())).isEqualTo(area).hasSameHashCodeAs(area);
        image[0] ^= 1;
        assertThat(area).as("the bytes were copied").isNotEqualTo(XsaveArea.of(image));
        assertThatThrownBy(() -> XsaveArea.of(new byte[575])).isInstanceOf(ConfigurationException.class);
    }

    @Property
    void keepsTheLocalApicsPage(@ForAll @IntRange(min = 0, max = 255) int index, @ForAll int value) {
        LapicState page = LapicState.of(new byte[LapicState.SIZE]).with(4 * index, value);
        assertThat(page.register(4 * index)).isEqualTo(value);
        assertThat(LapicState.of(page.toByteArray())).isEqualTo(page).hasSameHashCodeAs(page);
        assertThat(page.toByteArray()[4 * index]).isEqualTo((byte) value);
        assertThatThrownBy(() -> page.register(4 * index + 1)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> page.register(1024)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> page.with(-4, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> LapicState.of(new byte[1023])).isInstanceOf(ConfigurationException.class);
    }

    @Test
    void watchesWhatDebugRegistersCan() {
        assertThat(new Breakpoint(0x1000, Condition.WRITE, 8).length()).isEqualTo(8);
        assertThat(Settings.at(0x1003).hardware()).containsExactly(new Breakpoint(0x1003, Condition.EXECUTE, 1));
        for (int length : new int[] {0, -1, 3, 5, 16}) {
            assertThatThrownBy(() -> new Breakpoint(0, Condition.ACCESS, length))
                    .isInstanceOf(ConfigurationException.class);
        }
        assertThatThrownBy(() -> new Breakpoint(0x1000, Condition.EXECUTE, 2))
                .isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new Breakpoint(0x1002, Condition.WRITE, 4)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(
                () -> new Settings(false, false, Collections.nCopies(5, new Breakpoint(0, Condition.EXECUTE, 1))))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("4");
        assertThat(Settings.off()).isEqualTo(new Settings(false, false, List.of()));
    }

    @Test
    void namesMsrs() {
        assertThat(new MsrEntry(Msr.LSTAR, 0x10)).hasToString("LSTAR=0x10");
        assertThat(Msr.name(0x12345)).isEqualTo("MSR 0x12345");
    }
}
