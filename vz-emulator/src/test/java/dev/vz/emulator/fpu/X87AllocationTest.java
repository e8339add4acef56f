package dev.vz.emulator.fpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Allocations;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** x87 instructions live on the state's own scratch space. */
class X87AllocationTest {

    @Test
    @Tag("allocation")
    void noInstructionAllocates() {
        var s = new FpuState();
        double bytes = Allocations.perCall(5_000, () -> {
            X87Control.fninit(s);
            X87Constant.fldpi(s);
            X87Transfer.fldM64(s, 0x3FD5_5555_5555_5555L);
            X87Arithmetic.fdiv(s, 0, 1);
            X87Number.fsqrt(s);
            X87Trigonometry.fsincos(s);
            X87Arctangent.fpatan(s);
            X87Exponential.f2xm1(s);
            X87Exponential.fyl2x(s);
            X87Remainder.fprem(s);
            X87Decimal.fbstp(s);
        });
        assertThat(bytes).isZero();
    }
}
