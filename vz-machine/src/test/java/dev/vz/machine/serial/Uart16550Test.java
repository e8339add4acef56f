package dev.vz.machine.serial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.machine.clock.ManualClock;
import dev.vz.testing.Allocations;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Sections and tables are those of the PC16550D data sheet. */
class Uart16550Test {

    private static final int RBR = 0;
    private static final int THR = 0;
    private static final int IER = 1;
    private static final int IIR = 2;
    private static final int FCR = 2;
    private static final int LCR = 3;
    private static final int MCR = 4;
    private static final int LSR = 5;
    private static final int MSR = 6;
    private static final int SCR = 7;

    private final ManualClock clock = new ManualClock(0);
    private final Wire wire = new Wire();
    private boolean interrupt;
    private int edges;
    private final Uart16550 uart = new Uart16550("COM1", high -> {
        interrupt = high;
        edges += high ? 1 : 0;
    }, clock);

    Uart16550Test() {
        uart.connect(wire);
    }

    /** The far end: takes as many bytes as it has room for. */
    private static final class Wire implements SerialLine {
        final Deque<Integer> sent = new ArrayDeque<>();
        int room = Integer.MAX_VALUE;
        int receiverReady;
        final List<Boolean> breaks = new ArrayList<>();
        String modem = "";

        @Override
        public boolean transmit(int value) {
            if (room == 0) {
                return false;
            }
            room--;
            sent.add(value);
            return true;
        }

        @Override
        public void receiverReady() {
            receiverReady++;
        }

        @Override
        public void breakState(boolean on) {
            breaks.add(on);
        }

        @Override
        public void modemControl(boolean dataTerminalReady, boolean requestToSend) {
            modem = (dataTerminalReady ? "DTR" : "dtr") + (requestToSend ? " RTS" : " rts");
        }
    }

    private int in(int register) {
        return (int) uart.read(register, 1);
    }

    private void out(int register, int value) {
        uart.write(register, 1, value);
    }

    private void enableInterrupts(int sources) {
        out(MCR, UartRegisters.MCR_OUT2);
        out(IER, sources);
    }

    @Test
    void after_reset_the_transmitter_is_empty_and_no_interrupt_is_pending() {
        assertThat(in(LSR)).isEqualTo(0x60);
        assertThat(in(IIR)).isEqualTo(1);
        assertThat(in(IER)).isZero();
        assertThat(in(MCR)).isZero();
        assertThat(interrupt).isFalse();
    }

    @Test
    void the_scratch_register_holds_any_byte() {
        out(SCR, 0xA5);
        assertThat(in(SCR)).isEqualTo(0xA5);
    }

    @Test
    void the_divisor_latch_is_reached_through_DLAB_and_hides_receiver_and_interrupt_enable() {
        out(IER, 5);
        out(LCR, 0x83);
        out(0, 0x34);
        out(1, 0x12);
        assertThat(in(0)).isEqualTo(0x34);
        assertThat(in(1)).isEqualTo(0x12);
        out(LCR, 3);
        assertThat(in(IER)).isEqualTo(5);
        assertThat(wire.sent).isEmpty();
    }

    @Test
    void a_byte_written_to_THR_leaves_at_once_if_the_line_has_room() {
        out(THR, 'x');
        assertThat(wire.sent).containsExactly((int) 'x');
        assertThat(in(LSR) & 0x60).isEqualTo(0x60);
    }

    @Test
    void a_line_without_room_makes_THR_full_until_it_is_ready_again() {
        wire.room = 0;
        out(THR, 'x');
        assertThat(in(LSR) & 0x60).isZero();
        wire.room = 5;
        uart.lineReady();
        assertThat(wire.sent).containsExactly((int) 'x');
        assertThat(in(LSR) & 0x60).isEqualTo(0x60);
    }

    @Test
    void the_transmit_fifo_keeps_16_bytes_for_a_line_without_room_and_their_order() {
        wire.room = 0;
        out(FCR, 1);
        for (int i = 0; i < 16; i++) {
            out(THR, i);
        }
        wire.room = 7;
        uart.lineReady();
        assertThat(in(LSR) & 0x60).as("not empty yet").isZero();
        wire.room = 100;
        uart.lineReady();
        assertThat(wire.sent).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    }

    @Test
    void words_of_five_bits_lose_the_upper_three() {
        out(LCR, 0);
        out(THR, 0xFF);
        assertThat(wire.sent).containsExactly(0x1F);
        uart.receive(0xFF);
        assertThat(in(RBR)).isEqualTo(0x1F);
    }

    @Test
    void enabling_the_THRE_interrupt_raises_it_at_once_when_THR_is_empty() {
        enableInterrupts(UartRegisters.IER_THRE);
        assertThat(interrupt).isTrue();
        assertThat(in(IIR)).isEqualTo(UartRegisters.IIR_THRE);
        assertThat(interrupt).as("reading IIR acknowledges it").isFalse();
        assertThat(in(IIR)).isEqualTo(UartRegisters.IIR_NONE);
    }

    @Test
    void the_THRE_interrupt_comes_when_the_fifo_has_become_empty() {
        wire.room = 0;
        out(FCR, 1);
        out(THR, 1);
        out(THR, 2);
        enableInterrupts(UartRegisters.IER_THRE);
        assertThat(interrupt).isFalse();
        wire.room = 1;
        uart.lineReady();
        assertThat(interrupt).isFalse();
        wire.room = 1;
        uart.lineReady();
        assertThat(interrupt).isTrue();
        out(THR, 3);
        assertThat(interrupt).as("writing THR acknowledges it; it is full again").isFalse();
    }

    @Test
    void a_received_byte_sets_data_ready_and_interrupts() {
        enableInterrupts(UartRegisters.IER_RDA);
        assertThat(uart.receive('a')).isTrue();
        assertThat(interrupt).isTrue();
        assertThat(in(IIR)).isEqualTo(UartRegisters.IIR_RDA);
        assertThat(in(LSR) & 1).isEqualTo(1);
        assertThat(in(RBR)).isEqualTo('a');
        assertThat(in(LSR) & 1).isZero();
        assertThat(interrupt).isFalse();
    }

    @Test
    void without_fifo_the_receiver_holds_one_byte_and_then_refuses() {
        assertThat(uart.receive('a')).isTrue();
        assertThat(uart.receive('b')).isFalse();
        assertThat(wire.receiverReady).isZero();
        in(RBR);
        assertThat(wire.receiverReady).isEqualTo(1);
        assertThat(uart.receive('b')).isTrue();
        assertThat(in(LSR) & UartRegisters.LSR_OE).as("nothing was overrun").isZero();
    }

    @Test
    void the_receive_interrupt_waits_for_the_trigger_level() {
        out(FCR, 0x81); // 8 bytes
        enableInterrupts(UartRegisters.IER_RDA);
        for (int i = 0; i < 7; i++) {
            uart.receive(i);
        }
        assertThat(interrupt).isFalse();
        uart.receive(7);
        assertThat(interrupt).isTrue();
        assertThat(in(IIR)).isEqualTo(0xC0 | UartRegisters.IIR_RDA);
        in(RBR);
        assertThat(interrupt).as("below the level again").isFalse();
    }

    @Test
    void bytes_below_the_trigger_level_interrupt_after_four_character_times() {
        out(FCR, 0xC1); // 14 bytes
        out(LCR, 0x83);
        out(0, 1); // 115200 baud
        out(1, 0);
        out(LCR, 3);
        enableInterrupts(UartRegisters.IER_RDA);
        uart.receive('a');
        // 4 characters of 10 bits at 115200 bits a second
        clock.advance(340_000);
        assertThat(interrupt).isFalse();
        clock.advance(10_000);
        assertThat(interrupt).isTrue();
        assertThat(in(IIR)).isEqualTo(0xC0 | UartRegisters.IIR_TIMEOUT);
        in(RBR);
        assertThat(interrupt).isFalse();
    }

    @Test
    void each_received_byte_starts_the_character_timeout_anew() {
        out(FCR, 0xC1);
        out(LCR, 0x83);
        out(0, 1);
        out(1, 0);
        out(LCR, 3);
        enableInterrupts(UartRegisters.IER_RDA);
        for (int i = 0; i < 5; i++) {
            uart.receive(i);
            clock.advance(300_000);
            assertThat(interrupt).isFalse();
        }
        clock.advance(100_000);
        assertThat(interrupt).isTrue();
    }

    @Test
    void a_break_shows_in_LSR_and_interrupts_with_the_highest_priority() {
        enableInterrupts(UartRegisters.IER_RDA | UartRegisters.IER_RLS);
        uart.receiveBreak();
        assertThat(in(IIR)).isEqualTo(UartRegisters.IIR_RLS);
        assertThat(in(LSR) & UartRegisters.LSR_BI).isEqualTo(UartRegisters.LSR_BI);
        assertThat(in(IIR)).as("reading LSR clears the error; the zero byte is still there")
                .isEqualTo(UartRegisters.IIR_RDA);
        assertThat(in(RBR)).isZero();
    }

    @Test
    void a_break_behind_other_bytes_shows_when_it_reaches_the_head_of_the_fifo() {
        out(FCR, 1);
        uart.receive('a');
        uart.receiveBreak();
        assertThat(in(LSR) & UartRegisters.LSR_BI).isZero();
        in(RBR);
        assertThat(in(LSR) & UartRegisters.LSR_BI).isEqualTo(UartRegisters.LSR_BI);
    }

    @Test
    void LCR_bit_6_holds_the_line_in_the_break_state() {
        out(LCR, 0x43);
        out(LCR, 0x43);
        out(LCR, 3);
        assertThat(wire.breaks).containsExactly(true, false);
    }

    @Test
    void the_modem_control_outputs_reach_the_line() {
        out(MCR, 3);
        assertThat(wire.modem).isEqualTo("DTR RTS");
        out(MCR, 1);
        assertThat(wire.modem).isEqualTo("DTR rts");
    }

    @Test
    void a_change_of_the_modem_inputs_sets_delta_bits_and_interrupts() {
        enableInterrupts(UartRegisters.IER_MS);
        uart.setModemStatus(false, true, false, true);
        assertThat(interrupt).isTrue();
        assertThat(in(IIR)).isEqualTo(UartRegisters.IIR_MS);
        assertThat(in(MSR)).isEqualTo(0xA1); // DCD, DSR, delta CTS
        assertThat(in(MSR)).as("reading clears the deltas").isEqualTo(0xA0);
        assertThat(interrupt).isFalse();
    }

    @Test
    void only_the_end_of_ringing_sets_TERI() {
        uart.setModemStatus(true, true, true, true);
        assertThat(in(MSR) & 4).isZero();
        uart.setModemStatus(true, true, false, true);
        assertThat(in(MSR) & 4).isEqualTo(4);
    }

    @Test
    void in_loopback_the_outputs_feed_the_inputs_and_the_line_hears_nothing() {
        out(MCR, 0x1A); // loop, OUT2, RTS: what Linux probes with
        assertThat(in(MSR) & 0xF0).isEqualTo(0x90);
        out(THR, 'x');
        assertThat(wire.sent).isEmpty();
        assertThat(in(RBR)).isEqualTo('x');
        assertThat(uart.receive('y')).isFalse();
        out(MCR, 0);
        assertThat(wire.receiverReady).isEqualTo(1);
        assertThat(in(MSR) & 0xF0).isEqualTo(0xB0);
    }

    @Test
    void in_loopback_a_full_receiver_is_overrun() {
        out(MCR, 0x10);
        out(THR, 'a');
        out(THR, 'b');
        assertThat(in(LSR) & UartRegisters.LSR_OE).isEqualTo(UartRegisters.LSR_OE);
        assertThat(in(RBR)).isEqualTo('b');
    }

    @Test
    void the_interrupt_line_is_gated_by_OUT2() {
        out(IER, UartRegisters.IER_THRE);
        assertThat(in(LSR)).isEqualTo(0x60);
        assertThat(interrupt).isFalse();
        out(MCR, UartRegisters.MCR_OUT2);
        assertThat(interrupt).isTrue();
    }

    @Test
    void IIR_tells_whether_the_fifos_are_on() {
        out(FCR, 1);
        assertThat(in(IIR)).isEqualTo(0xC1);
        out(FCR, 0);
        assertThat(in(IIR)).isEqualTo(1);
    }

    @Test
    void switching_the_fifos_clears_them() {
        out(FCR, 1);
        uart.receive('a');
        out(FCR, 0);
        assertThat(in(LSR) & 1).isZero();
    }

    @Test
    void clearing_the_receive_fifo_makes_room() {
        out(FCR, 1);
        for (int i = 0; i < 16; i++) {
            assertThat(uart.receive(i)).isTrue();
        }
        assertThat(uart.receive(16)).isFalse();
        out(FCR, 3);
        assertThat(wire.receiverReady).isEqualTo(1);
        assertThat(uart.receive(16)).isTrue();
    }

    @Test
    void the_state_survives_saving_and_restoring() {
        wire.room = 0;
        out(FCR, 0x81);
        enableInterrupts(0xF);
        out(SCR, 0x5A);
        out(THR, 't');
        uart.receive('r');
        uart.receiveBreak();
        Uart16550State state = uart.save();
        var otherWire = new Wire();
        otherWire.room = 0;
        var other = new Uart16550("COM1", high -> {}, clock);
        other.connect(otherWire);
        other.restore(state);
        assertThat(other.save()).isEqualTo(state);
        assertThat(other.read(SCR, 1)).isEqualTo(0x5A);
        assertThat(other.read(RBR, 1)).isEqualTo('r');
        otherWire.room = 1;
        other.lineReady();
        assertThat(otherWire.sent).containsExactly((int) 't');
    }

    @Test
    void a_restored_timeout_still_comes() {
        out(FCR, 0xC1);
        enableInterrupts(UartRegisters.IER_RDA);
        uart.receive('a');
        Uart16550State state = uart.save();
        uart.reset();
        assertThat(interrupt).isFalse();
        uart.restore(state);
        clock.advance(10_000_000);
        assertThat(interrupt).isTrue();
    }

    @Test
    void a_state_that_cannot_be_is_refused_and_changes_nothing() {
        Uart16550State before = uart.save();
        var tooMany = new Uart16550State(0, 3, 0, 0, 0, 0, 0, 12, List.of(1, 2), List.of(), false, false);
        assertThatThrownBy(() -> uart.restore(tooMany)).isInstanceOf(FormatException.class)
                .hasMessageContaining("a FIFO holds more than 1 bytes");
        var wide = new Uart16550State(0x100, 3, 0, 0, 0, 0, 0, 12, List.of(), List.of(), false, false);
        assertThatThrownBy(() -> uart.restore(wide)).isInstanceOf(FormatException.class);
        assertThat(uart.save()).isEqualTo(before);
    }

    @Test
    @Tag("allocation")
    void no_access_allocates() {
        assertThat(Allocations.perCall(20_000, () -> {
            uart.write(THR, 1, 'x');
            uart.read(LSR, 1);
            uart.read(IIR, 1);
            wire.sent.clear();
        })).isZero();
        out(FCR, 0xC1);
        assertThat(Allocations.perCall(20_000, () -> {
            uart.receive('a');
            uart.read(RBR, 1);
        })).isZero();
    }

    @Property(tries = 300)
    void whatever_a_guest_does_the_line_is_as_the_registers_say(
            @ForAll @Size(max = 60) List<@IntRange(max = 0x3FFF) Integer> accesses) {
        uart.reset(); // one object serves all tries
        wire.room = Integer.MAX_VALUE;
        for (int access : accesses) {
            int register = access & 7;
            int value = access >>> 3 & 0xFF;
            switch (access >>> 11) {
                case 0, 1, 2 -> uart.write(register, 1, value);
                case 3, 4 -> uart.read(register, 1);
                case 5 -> uart.receive(value);
                case 6 -> clock.advance(value * 10_000L);
                default -> {
                    wire.room = value & 3;
                    uart.lineReady();
                }
            }
            Uart16550State s = uart.save();
            boolean gate = (s.mcr() & 0x18) == UartRegisters.MCR_OUT2;
            assertThat(interrupt).isEqualTo(gate && (new Uart16550Probe(s).pending()));
        }
    }

    /** IIR's condition, told from the saved state alone. */
    private record Uart16550Probe(Uart16550State s) {
        boolean pending() {
            int trigger = (s.fcr() & 1) == 0 ? 1 : new int[] {1, 4, 8, 14}[s.fcr() >>> 6];
            boolean errors = (s.ier() & 4) != 0 && s.lsrErrors() != 0;
            boolean data = (s.ier() & 1) != 0 && s.receive().size() >= trigger;
            boolean timeout = (s.ier() & 1) != 0 && s.timeoutPending() && !s.receive().isEmpty();
            boolean empty = (s.ier() & 2) != 0 && s.thrEmptyPending();
            boolean modem = (s.ier() & 8) != 0 && (s.msr() & 0xF) != 0;
            return errors || data || timeout || empty || modem;
        }
    }
}
