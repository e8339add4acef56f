package dev.vz.kvm;

import dev.vz.error.ConfigurationException;
import dev.vz.irq.InterruptControllerState;
import dev.vz.irq.IoapicState;
import dev.vz.irq.PicState;
import dev.vz.irq.PitState;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_ioapic_state;
import dev.vz.kvm.generated.kvm_irqchip;
import dev.vz.kvm.generated.kvm_pic_state;
import dev.vz.kvm.generated.kvm_pit_channel_state;
import dev.vz.kvm.generated.kvm_pit_state2;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** KVM_GET_IRQCHIP, KVM_GET_PIT2 and their counterparts. */
final class ControllerCodec {

    /** Where the I/O APIC is on every PC; the state says it again. */
    private static final long IOAPIC_ADDRESS = 0xFEC0_0000L;

    private ControllerCodec() {}

    static InterruptControllerState read(FileDescriptor machine) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment chip = kvm_irqchip.allocate(arena);
            PicState master = readPic(get(machine, chip, KvmHeaders.KVM_IRQCHIP_PIC_MASTER()));
            PicState slave = readPic(get(machine, chip, KvmHeaders.KVM_IRQCHIP_PIC_SLAVE()));
            IoapicState ioapic = readIoapic(get(machine, chip, KvmHeaders.KVM_IRQCHIP_IOAPIC()));
            MemorySegment pit = kvm_pit_state2.allocate(arena);
            Ioctl.checked("ioctl KVM_GET_PIT2", machine, KvmHeaders.KVM_GET_PIT2(), pit);
            return new InterruptControllerState(master, slave, ioapic, readPit(pit));
        }
    }

    static void write(FileDescriptor machine, InterruptControllerState state) {
        if (state.ioapic().redirection().size() != KvmHeaders.KVM_IOAPIC_NUM_PINS()
                || state.pit().channels().size() != 3) {
            throw new ConfigurationException(
                    "The interrupt controllers of " + machine + " are an I/O APIC of 24 inputs "
                            + "and a timer of 3 channels, got " + state.ioapic().redirection().size() + " and "
                            + state.pit().channels().size());
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment chip = kvm_irqchip.allocate(arena);
            writePic(kvm_irqchip.chip(chip), state.master());
            set(machine, chip, KvmHeaders.KVM_IRQCHIP_PIC_MASTER());
            writePic(kvm_irqchip.chip(chip), state.slave());
            set(machine, chip, KvmHeaders.KVM_IRQCHIP_PIC_SLAVE());
            kvm_irqchip.chip(chip).fill((byte) 0);
            writeIoapic(kvm_irqchip.chip(chip), state.ioapic());
            set(machine, chip, KvmHeaders.KVM_IRQCHIP_IOAPIC());
            MemorySegment pit = kvm_pit_state2.allocate(arena);
            writePit(pit, state.pit());
            Ioctl.checked("ioctl KVM_SET_PIT2", machine, KvmHeaders.KVM_SET_PIT2(), pit);
        }
    }

    private static MemorySegment get(FileDescriptor machine, MemorySegment chip, int id) {
        kvm_irqchip.chip_id(chip, id);
        Ioctl.checked("ioctl KVM_GET_IRQCHIP " + id, machine, KvmHeaders.KVM_GET_IRQCHIP(), chip);
        return kvm_irqchip.chip(chip);
    }

    private static void set(FileDescriptor machine, MemorySegment chip, int id) {
        kvm_irqchip.chip_id(chip, id);
        Ioctl.checked("ioctl KVM_SET_IRQCHIP " + id, machine, KvmHeaders.KVM_SET_IRQCHIP(), chip);
    }

    private static PicState readPic(MemorySegment s) {
        return new PicState(kvm_pic_state.last_irr(s) & 0xFF, kvm_pic_state.irr(s) & 0xFF,
                kvm_pic_state.imr(s) & 0xFF, kvm_pic_state.isr(s) & 0xFF, kvm_pic_state.priority_add(s) & 0xFF,
                kvm_pic_state.irq_base(s) & 0xFF, kvm_pic_state.read_reg_select(s) & 0xFF,
                kvm_pic_state.poll(s) != 0, kvm_pic_state.special_mask(s) != 0, kvm_pic_state.init_state(s) & 0xFF,
                kvm_pic_state.auto_eoi(s) != 0, kvm_pic_state.rotate_on_auto_eoi(s) != 0,
                kvm_pic_state.special_fully_nested_mode(s) != 0, kvm_pic_state.init4(s) != 0,
                kvm_pic_state.elcr(s) & 0xFF, kvm_pic_state.elcr_mask(s) & 0xFF);
    }

    private static void writePic(MemorySegment s, PicState state) {
        kvm_pic_state.last_irr(s, (byte) state.lastIrr());
        kvm_pic_state.irr(s, (byte) state.irr());
        kvm_pic_state.imr(s, (byte) state.imr());
        kvm_pic_state.isr(s, (byte) state.isr());
        kvm_pic_state.priority_add(s, (byte) state.priorityAdd());
        kvm_pic_state.irq_base(s, (byte) state.irqBase());
        kvm_pic_state.read_reg_select(s, (byte) state.readRegisterSelect());
        kvm_pic_state.poll(s, bit(state.poll()));
        kvm_pic_state.special_mask(s, bit(state.specialMask()));
        kvm_pic_state.init_state(s, (byte) state.initState());
        kvm_pic_state.auto_eoi(s, bit(state.autoEoi()));
        kvm_pic_state.rotate_on_auto_eoi(s, bit(state.rotateOnAutoEoi()));
        kvm_pic_state.special_fully_nested_mode(s, bit(state.specialFullyNested()));
        kvm_pic_state.init4(s, bit(state.init4()));
        kvm_pic_state.elcr(s, (byte) state.elcr());
        kvm_pic_state.elcr_mask(s, (byte) state.elcrMask());
    }

    private static IoapicState readIoapic(MemorySegment s) {
        var entries = new ArrayList<Long>();
        for (int i = 0; i < KvmHeaders.KVM_IOAPIC_NUM_PINS(); i++) {
            entries.add(s.get(ValueLayout.JAVA_LONG, kvm_ioapic_state.redirtbl$offset() + 8L * i));
        }
        return new IoapicState(kvm_ioapic_state.id(s), kvm_ioapic_state.ioregsel(s), kvm_ioapic_state.irr(s), entries);
    }

    private static void writeIoapic(MemorySegment s, IoapicState state) {
        kvm_ioapic_state.base_address(s, IOAPIC_ADDRESS);
        kvm_ioapic_state.id(s, state.id());
        kvm_ioapic_state.ioregsel(s, state.select());
        kvm_ioapic_state.irr(s, state.irr());
        for (int i = 0; i < state.redirection().size(); i++) {
            s.set(ValueLayout.JAVA_LONG, kvm_ioapic_state.redirtbl$offset() + 8L * i, state.redirection().get(i));
        }
    }

    /** The kernel keeps the moment when a count was loaded, on the clock that System.nanoTime reads on Linux. */
    private static PitState readPit(MemorySegment s) {
        long now = System.nanoTime();
        var channels = new ArrayList<PitState.Channel>(3);
        for (int i = 0; i < 3; i++) {
            MemorySegment c = kvm_pit_state2.channels(s, i);
            long loaded = kvm_pit_channel_state.count_load_time(c);
            channels.add(new PitState.Channel(kvm_pit_channel_state.count(c),
                    kvm_pit_channel_state.latched_count(c) & 0xFFFF, kvm_pit_channel_state.count_latched(c) & 0xFF,
                    kvm_pit_channel_state.status_latched(c) != 0, kvm_pit_channel_state.status(c) & 0xFF,
                    kvm_pit_channel_state.read_state(c) & 0xFF, kvm_pit_channel_state.write_state(c) & 0xFF,
                    kvm_pit_channel_state.write_latch(c) & 0xFF, kvm_pit_channel_state.rw_mode(c) & 0xFF,
                    kvm_pit_channel_state.mode(c) & 0xFF, kvm_pit_channel_state.bcd(c) != 0,
                    kvm_pit_channel_state.gate(c) != 0, Math.max(now - loaded, 0)));
        }
        return new PitState(channels,
                (kvm_pit_state2.flags(s) & KvmHeaders.KVM_PIT_FLAGS_SPEAKER_DATA_ON()) != 0);
    }

    private static void writePit(MemorySegment s, PitState state) {
        long now = System.nanoTime();
        List<PitState.Channel> channels = state.channels();
        for (int i = 0; i < channels.size(); i++) {
            PitState.Channel channel = channels.get(i);
            MemorySegment c = kvm_pit_state2.channels(s, i);
            kvm_pit_channel_state.count(c, channel.count());
            kvm_pit_channel_state.latched_count(c, (short) channel.latchedCount());
            kvm_pit_channel_state.count_latched(c, (byte) channel.countLatched());
            kvm_pit_channel_state.status_latched(c, bit(channel.statusLatched()));
            kvm_pit_channel_state.status(c, (byte) channel.status());
            kvm_pit_channel_state.read_state(c, (byte) channel.readState());
            kvm_pit_channel_state.write_state(c, (byte) channel.writeState());
            kvm_pit_channel_state.write_latch(c, (byte) channel.writeLatch());
            kvm_pit_channel_state.rw_mode(c, (byte) channel.rwMode());
            kvm_pit_channel_state.mode(c, (byte) channel.mode());
            kvm_pit_channel_state.bcd(c, bit(channel.bcd()));
            kvm_pit_channel_state.gate(c, bit(channel.gate()));
            kvm_pit_channel_state.count_load_time(c, now - channel.countAge());
        }
        kvm_pit_state2.flags(s, state.speakerDataOn() ? KvmHeaders.KVM_PIT_FLAGS_SPEAKER_DATA_ON() : 0);
    }

    private static byte bit(boolean value) {
        return (byte) (value ? 1 : 0);
    }
}
