package dev.vz.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.PaddingLayout;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every size, offset and number that the Java side relies on, compared with what the C compiler makes of the headers. */
class LayoutsAgreeWithCTest {

    private static final Path GENERATED = Path.of("src/generated/java/dev/vz/kvm/generated");
    private static final Path HEADERS = Path.of("src/jextract/kvm.h");

    /** What an offset of {@link RunPage} is called in {@code struct kvm_run}. */
    private static final Map<String, String> RUN_FIELDS = Map.ofEntries(
            Map.entry("REQUEST_INTERRUPT_WINDOW", "request_interrupt_window"),
            Map.entry("IMMEDIATE_EXIT", "immediate_exit"), Map.entry("EXIT_REASON", "exit_reason"),
            Map.entry("READY_FOR_INTERRUPT_INJECTION", "ready_for_interrupt_injection"),
            Map.entry("IF_FLAG", "if_flag"), Map.entry("FLAGS", "flags"), Map.entry("CR8", "cr8"),
            Map.entry("APIC_BASE", "apic_base"), Map.entry("PAYLOAD", "hw"),
            Map.entry("HW_HARDWARE_EXIT_REASON", "hw.hardware_exit_reason"),
            Map.entry("FAIL_ENTRY_REASON", "fail_entry.hardware_entry_failure_reason"),
            Map.entry("FAIL_ENTRY_CPU", "fail_entry.cpu"), Map.entry("EX_EXCEPTION", "ex.exception"),
            Map.entry("EX_ERROR_CODE", "ex.error_code"), Map.entry("IO_DIRECTION", "io.direction"),
            Map.entry("IO_SIZE", "io.size"), Map.entry("IO_PORT", "io.port"), Map.entry("IO_COUNT", "io.count"),
            Map.entry("IO_DATA_OFFSET", "io.data_offset"), Map.entry("DEBUG_EXCEPTION", "debug.arch.exception"),
            Map.entry("DEBUG_PC", "debug.arch.pc"), Map.entry("DEBUG_DR6", "debug.arch.dr6"),
            Map.entry("DEBUG_DR7", "debug.arch.dr7"), Map.entry("MMIO_PHYS_ADDR", "mmio.phys_addr"),
            Map.entry("MMIO_DATA", "mmio.data"), Map.entry("MMIO_LEN", "mmio.len"),
            Map.entry("MMIO_IS_WRITE", "mmio.is_write"), Map.entry("HYPERCALL_NR", "hypercall.nr"),
            Map.entry("HYPERCALL_ARGS", "hypercall.args"), Map.entry("HYPERCALL_RET", "hypercall.ret"),
            Map.entry("HYPERCALL_LONGMODE", "hypercall.longmode"), Map.entry("TPR_ACCESS_RIP", "tpr_access.rip"),
            Map.entry("TPR_ACCESS_IS_WRITE", "tpr_access.is_write"),
            Map.entry("INTERNAL_SUBERROR", "internal.suberror"),
            Map.entry("INTERNAL_NDATA", "internal.ndata"), Map.entry("INTERNAL_DATA", "internal.data"),
            Map.entry("EMULATION_FAILURE_FLAGS", "emulation_failure.flags"),
            Map.entry("EMULATION_FAILURE_INSN_SIZE", "emulation_failure.insn_size"),
            Map.entry("EMULATION_FAILURE_INSN_BYTES", "emulation_failure.insn_bytes"),
            Map.entry("SYSTEM_EVENT_TYPE", "system_event.type"), Map.entry("SYSTEM_EVENT_NDATA", "system_event.ndata"),
            Map.entry("SYSTEM_EVENT_DATA", "system_event.data"), Map.entry("EOI_VECTOR", "eoi.vector"),
            Map.entry("HYPERV_TYPE", "hyperv.type"), Map.entry("HYPERV_SYNIC_MSR", "hyperv.u.synic.msr"),
            Map.entry("HYPERV_SYNIC_CONTROL", "hyperv.u.synic.control"),
            Map.entry("HYPERV_HCALL_INPUT", "hyperv.u.hcall.input"),
            Map.entry("HYPERV_HCALL_RESULT", "hyperv.u.hcall.result"),
            Map.entry("HYPERV_HCALL_PARAMS", "hyperv.u.hcall.params"),
            Map.entry("HYPERV_SYNDBG_MSR", "hyperv.u.syndbg.msr"),
            Map.entry("HYPERV_SYNDBG_CONTROL", "hyperv.u.syndbg.control"), Map.entry("MSR_ERROR", "msr.error"),
            Map.entry("MSR_REASON", "msr.reason"), Map.entry("MSR_INDEX", "msr.index"),
            Map.entry("MSR_DATA", "msr.data"), Map.entry("XEN_TYPE", "xen.type"),
            Map.entry("XEN_LONGMODE", "xen.u.hcall.longmode"), Map.entry("XEN_CPL", "xen.u.hcall.cpl"),
            Map.entry("XEN_INPUT", "xen.u.hcall.input"), Map.entry("XEN_RESULT", "xen.u.hcall.result"),
            Map.entry("XEN_PARAMS", "xen.u.hcall.params"), Map.entry("NOTIFY_FLAGS", "notify.flags"),
            Map.entry("VALID_REGS", "kvm_valid_regs"), Map.entry("DIRTY_REGS", "kvm_dirty_regs"),
            Map.entry("SYNC_REGS", "s.regs.regs"), Map.entry("SYNC_SREGS", "s.regs.sregs"),
            Map.entry("SYNC_EVENTS", "s.regs.events"));

    /** Newer than the oldest headers that are supported; the running kernel judges them (GuestMemoryFileTest). */
    private static final List<String> NOT_IN_OLD_HEADERS = List.of("MEMORY_FAULT_FLAGS", "MEMORY_FAULT_GPA",
            "MEMORY_FAULT_SIZE");

    @Test
    void sizesOffsetsAndNumbersAreTheCompilers(@TempDir Path folder) throws Exception {
        Peers.program("gcc", "gcc libc6-dev linux-libc-dev");
        var expected = new TreeMap<String, Long>();
        var c = new ArrayList<String>();
        structures(expected, c);
        constants(expected, c);
        runPage(expected, c);
        exits(expected, c);
        Map<String, Long> found = run(folder, c);
        assertThat(expected).hasSizeGreaterThan(500);
        assertThat(found).isEqualTo(expected);
    }

    @Test
    void capabilitiesHaveTheKernelsNumbers(@TempDir Path folder) throws Exception {
        Peers.program("gcc", "gcc libc6-dev linux-libc-dev");
        var c = new ArrayList<String>();
        for (KvmCapability capability : KvmCapability.values()) {
            String name = capability.kernelName();
            c.add("#ifdef " + name + "\n  printf(\"" + name + " %lld\\n\", (long long) " + name + ");\n#endif");
        }
        Map<String, Long> found = run(folder, c);
        assertThat(found).hasSizeGreaterThan(120);
        for (KvmCapability capability : KvmCapability.values()) {
            assertThat(found.getOrDefault(capability.kernelName(), (long) capability.number()))
                    .as(capability.kernelName()).isEqualTo(capability.number());
        }
    }

    private static void structures(Map<String, Long> expected, List<String> c) throws Exception {
        try (Stream<Path> files = Files.list(GENERATED)) {
            for (Path file : files.sorted().toList()) {
                String name = file.getFileName().toString().replace(".java", "");
                if (name.startsWith("kvm_")) {
                    Class<?> type = Class.forName(KvmHeaders.class.getPackageName() + "." + name);
                    var layout = (GroupLayout) type.getMethod("layout").invoke(null);
                    put(expected, c, "sizeof." + name, layout.byteSize(), "sizeof(struct " + name + ")");
                    members(expected, c, name, "", layout, 0);
                }
            }
        }
    }

    private static void members(Map<String, Long> expected, List<String> c, String structure, String prefix,
            GroupLayout layout, long base) {
        for (MemoryLayout member : layout.memberLayouts()) {
            if (member instanceof PaddingLayout || member.name().isEmpty()) {
                continue;
            }
            String name = member.name().orElseThrow();
            long offset = base + layout.byteOffset(PathElement.groupElement(name));
            // jextract gives members without a name one with a dollar sign; in C they belong to the outer structure.
            boolean anonymous = name.contains("$");
            String path = anonymous ? prefix : prefix + name;
            if (!anonymous) {
                put(expected, c, structure + "." + path, offset, "offsetof(struct " + structure + ", " + path + ")");
            }
            // Bit fields have no offset; jextract leaves them out and C cannot name them.
            if (member instanceof GroupLayout inner && !name.equals("fields")) {
                members(expected, c, structure, anonymous ? prefix : path + ".", inner, offset);
            }
        }
    }

    private static void constants(Map<String, Long> expected, List<String> c) throws Exception {
        for (Method method : KvmHeaders.class.getMethods()) {
            if (method.getName().matches("(KVM|GUEST)[A-Z0-9_]+") && method.getParameterCount() == 0) {
                long value = ((Number) method.invoke(null)).longValue();
                put(expected, c, method.getName(), value, method.getName());
            }
        }
    }

    private static void runPage(Map<String, Long> expected, List<String> c) throws IllegalAccessException {
        for (Field field : RunPage.class.getDeclaredFields()) {
            if (field.getType() == int.class && Modifier.isStatic(field.getModifiers())
                    && !NOT_IN_OLD_HEADERS.contains(field.getName())) {
                String name = "RunPage." + field.getName();
                if (field.getName().equals("PAYLOAD_SIZE")) {
                    put(expected, c, name, field.getInt(null), "sizeof(((struct kvm_run *) 0)->padding)");
                } else {
                    String path = RUN_FIELDS.get(field.getName());
                    assertThat(path).as("name in C of " + name).isNotNull();
                    put(expected, c, name, field.getInt(null), "offsetof(struct kvm_run, " + path + ")");
                }
            }
        }
    }

    private static void exits(Map<String, Long> expected, List<String> c) throws IllegalAccessException {
        for (Field field : ExitDecoder.Reason.class.getDeclaredFields()) {
            String name = switch (field.getName()) {
                case "RDMSR", "WRMSR", "BUS_LOCK" -> "X86_" + field.getName();
                default -> field.getName();
            };
            put(expected, c, "exit." + name, field.getInt(null), "KVM_EXIT_" + name);
        }
    }

    private static void put(Map<String, Long> expected, List<String> c, String key, long value, String expression) {
        expected.put(key, value);
        c.add("  printf(\"" + key + " %lld\\n\", (long long) (" + expression + "));");
    }

    private static Map<String, Long> run(Path folder, List<String> lines) throws IOException, InterruptedException {
        Path source = folder.resolve("layouts.c");
        Path program = folder.resolve("layouts");
        Files.writeString(source, "#include <stddef.h>\n#include <stdio.h>\n#include \"" + HEADERS.toAbsolutePath()
                + "\"\nint main(void) {\n" + String.join("\n", lines) + "\n  return 0;\n}\n");
        execute("gcc", "-o", program.toString(), source.toString());
        var found = new TreeMap<String, Long>();
        for (String line : execute(program.toString()).lines().toList()) {
            String[] parts = line.split(" ");
            found.put(parts[0], Long.parseLong(parts[1]));
        }
        return found;
    }

    private static String execute(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(String.join(" ", command) + "\n" + output).isZero();
        return output;
    }
}
