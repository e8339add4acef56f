package dev.vz.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.call.CallState;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.network.InterfaceRequestLayout;
import dev.vz.linux.socket.InternetOption;
import dev.vz.linux.socket.SocketErrorQueue;
import dev.vz.linux.socket.SocketMessage;
import dev.vz.linux.socket.SocketName;
import dev.vz.linux.thread.SignalSet;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.UnionLayout;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The C compiler is asked what it takes every bound size, offset, constant and ioctl number to be, and whether every linked
 * function is declared as it is called.
 */
class LayoutsAgreeWithCTest {

    private static final Path HEADERS = Path.of("src/jextract/linux.h");
    private static final Path INCLUDES = Path.of("src/jextract/includes.txt");
    private static final Path PROTOTYPES = Path.of("src/test/resources/prototypes.h");

    @Test
    void everySizeOffsetConstantAndIoctlNumberIsTheCompilers(@TempDir Path folder) throws Exception {
        var expected = new LinkedHashMap<String, Long>();
        constants(expected);
        errorNumbers(expected);
        layouts(expected);
        handWritten(expected);
        expected.putAll(InterfaceRequestLayout.expectations());
        assertThat(expected).hasSizeGreaterThan(500);
        assertThat(ask(expected.keySet(), folder)).containsExactlyInAnyOrderEntriesOf(expected);
    }

    @Test
    void everyLinkedFunctionIsDeclaredAsItIsCalled(@TempDir Path folder) throws Exception {
        Set<String> declared = Files.readAllLines(PROTOTYPES).stream().filter(line -> line.endsWith(");"))
                .map(line -> line.replaceAll("^.*?(\\w+)\\(.*$", "$1")).collect(Collectors.toCollection(TreeSet::new));
        assertThat(linkedFunctions()).isEqualTo(declared);
        for (String prototype : Files.readAllLines(PROTOTYPES)) {
            if (prototype.endsWith(");")) {
                assertThat(prototype.split(",")).as(prototype).hasSizeLessThanOrEqualTo(6);
                assertThat(prototype).doesNotContain("float").doesNotContain("double");
            }
        }
        assertThat(ask(Set.of("sizeof(pid_t)", "sizeof(off_t)", "sizeof(size_t)"), folder))
                .containsEntry("sizeof(off_t)", 8L);
    }

    @Test
    void aWrongDeclarationWouldBeNoticed(@TempDir Path folder) throws Exception {
        Path source = folder.resolve("wrong.c");
        Files.writeString(source, "#include \"" + HEADERS.toAbsolutePath() + "\"\nint ftruncate(int, int);\n");
        assertThat(run(Peers.program("gcc", "gcc").toString(), "-fsyntax-only", source.toString()).status())
                .isNotZero();
    }

    @Test
    void allThatWasAskedForIsBound() throws Exception {
        for (String line : Files.readAllLines(INCLUDES)) {
            if (line.startsWith("--include-constant ")) {
                String name = line.substring("--include-constant ".length());
                assertThat(LinuxHeaders.class.getMethod(name).getReturnType().isPrimitive()).isTrue();
            }
        }
    }

    private static void constants(Map<String, Long> expected) throws Exception {
        for (var method : LinuxHeaders.class.getDeclaredMethods()) {
            boolean constant = Modifier.isPublic(method.getModifiers()) && method.getParameterCount() == 0;
            if (constant && method.getReturnType() == int.class) {
                // Java has no unsigned int; the bits are what counts.
                expected.put("(int) " + method.getName(), (long) (int) method.invoke(null));
            } else if (constant && method.getReturnType() == long.class) {
                expected.put(method.getName(), (long) method.invoke(null));
            }
        }
    }

    private static void errorNumbers(Map<String, Long> expected) throws IllegalAccessException {
        for (var field : Errno.class.getFields()) {
            expected.put(field.getName(), (long) field.getInt(null));
        }
    }

    private static void layouts(Map<String, Long> expected) throws Exception {
        for (String line : Files.readAllLines(INCLUDES)) {
            if (!line.startsWith("--include-struct ") && !line.startsWith("--include-union ")) {
                continue;
            }
            String name = line.substring(line.indexOf(' ') + 1);
            Class<?> type = Class.forName(LinuxHeaders.class.getPackageName() + "." + name);
            var layout = (GroupLayout) type.getMethod("layout").invoke(null);
            String inC = layout instanceof UnionLayout ? name + "_t" : "struct " + name;
            expected.put("sizeof(" + inC + ")", layout.byteSize());
            expected.put("_Alignof(" + inC + ")", layout.byteAlignment());
            for (MemoryLayout member : layout.memberLayouts()) {
                if (member.name().isPresent()) {
                    String field = member.name().get();
                    expected.put("offsetof(" + inC + ", " + field + ")",
                            layout.byteOffset(PathElement.groupElement(field)));
                    if (member.byteSize() > 0) { // C does not tell the size of a flexible array
                        expected.put("sizeof(((" + inC + " *) 0)->" + field + ")", member.byteSize());
                    }
                }
            }
        }
    }

    private static void handWritten(Map<String, Long> expected) throws IllegalAccessException {
        Map<String, String> names = Map.of("IN", "EPOLLIN", "PRIORITY", "EPOLLPRI", "OUT", "EPOLLOUT", "ERROR",
                "EPOLLERR", "HANG_UP", "EPOLLHUP", "INVALID", "POLLNVAL", "READ_HANG_UP", "EPOLLRDHUP", "EXCLUSIVE",
                "EPOLLEXCLUSIVE", "ONE_SHOT", "EPOLLONESHOT", "EDGE", "EPOLLET");
        for (var field : Readiness.class.getFields()) {
            assertThat(names).containsKey(field.getName());
            expected.put("(int) " + names.get(field.getName()), (long) field.getInt(null));
        }
        expected.put("POLLIN", (long) Readiness.IN);
        expected.put("POLLOUT", (long) Readiness.OUT);
        expected.put("POLLRDHUP", (long) Readiness.READ_HANG_UP);
        expected.put("sizeof(sigset_t)", SignalSet.SIZE);
        expected.put("CMSG_LEN(0)", 16L);
        expected.put("(CMSG_LEN(4 * " + SocketMessage.MAXIMUM_DESCRIPTORS + "))",
                16L + 4 * SocketMessage.MAXIMUM_DESCRIPTORS);
        expected.put("IFNAMSIZ", 16L);
        expected.put("sizeof(struct io_uring_sqe)", 64L);
        expected.put("offsetof(struct io_uring_sqe, fd)", 4L);
        expected.put("offsetof(struct io_uring_sqe, off)", 8L);
        expected.put("offsetof(struct io_uring_sqe, addr)", 16L);
        expected.put("offsetof(struct io_uring_sqe, len)", 24L);
        expected.put("offsetof(struct io_uring_sqe, rw_flags)", 28L);
        expected.put("offsetof(struct io_uring_sqe, user_data)", 32L);
        internet(expected);
        expected.put("sizeof(((struct sockaddr_un *) 0)->sun_path)", 108L);
    }

    private static void internet(Map<String, Long> expected) {
        for (InternetOption option : InternetOption.values()) {
            expected.put(option.levelName(), (long) option.level());
            expected.put(option.optionName(), (long) option.option());
        }
        expected.putAll(Map.ofEntries(Map.entry("IP_PMTUDISC_DONT", (long) InternetOption.PMTU_DONT),
                Map.entry("IP_PMTUDISC_DO", (long) InternetOption.PMTU_DO),
                Map.entry("sizeof(struct sockaddr_in6)", (long) SocketName.SIZE),
                Map.entry("sizeof(struct sockaddr_in)", 16L), Map.entry("AF_INET", 2L), Map.entry("AF_INET6", 10L),
                Map.entry("offsetof(struct sockaddr_in, sin_addr)", 4L),
                Map.entry("offsetof(struct sockaddr_in6, sin6_addr)", 8L),
                Map.entry("offsetof(struct sockaddr_in6, sin6_scope_id)", 24L), Map.entry("SOCK_RAW", 3L),
                Map.entry("IPPROTO_ICMP", 1L), Map.entry("IPPROTO_ICMPV6", 58L), Map.entry("SO_LINGER", 13L),
                Map.entry("SO_MEMINFO", 55L), Map.entry("SK_MEMINFO_SNDBUF", 3L),
                Map.entry("SK_MEMINFO_WMEM_QUEUED", 5L), Map.entry("SOL_UDP", 17L), Map.entry("UDP_SEGMENT", 103L),
                Map.entry("MSG_ERRQUEUE", 0x2000L), Map.entry("sizeof(struct sock_extended_err)", 16L),
                Map.entry("offsetof(struct sock_extended_err, ee_origin)", 4L),
                Map.entry("offsetof(struct sock_extended_err, ee_type)", 5L),
                Map.entry("offsetof(struct sock_extended_err, ee_code)", 6L),
                Map.entry("offsetof(struct sock_extended_err, ee_info)", 8L),
                Map.entry("SO_EE_ORIGIN_LOCAL", (long) SocketErrorQueue.LOCAL),
                Map.entry("SO_EE_ORIGIN_ICMP", (long) SocketErrorQueue.ICMP),
                Map.entry("SO_EE_ORIGIN_ICMP6", (long) SocketErrorQueue.ICMP6)));
    }

    /** The functions that {@link CallState}'s package links, from the names of the handles. */
    private static Set<String> linkedFunctions() throws Exception {
        var functions = new TreeSet<String>();
        for (String name : List.of("FileCalls", "MemoryCalls", "EventCalls", "SocketCalls", "ThreadCalls",
                "TerminalCalls", "IoctlCalls", "RingCalls")) {
            for (Class<?> holder : Class.forName(CallState.class.getPackageName() + "." + name).getDeclaredClasses()) {
                for (var handle : holder.getDeclaredFields()) {
                    functions.add(handle.getName().toLowerCase(Locale.ROOT));
                }
            }
        }
        return functions;
    }

    private static Map<String, Long> ask(Set<String> expressions, Path folder) throws Exception {
        Path gcc = Peers.program("gcc", "gcc");
        var source = new ArrayList<String>();
        source.add("#include \"" + HEADERS.toAbsolutePath() + "\"");
        source.add("#include <errno.h>");
        source.add("#include <stddef.h>");
        source.add("#include <stdio.h>");
        source.add("#include \"" + PROTOTYPES.toAbsolutePath() + "\"");
        source.add("int main(void) {");
        for (String expression : expressions) {
            source.add("  printf(\"%s\\t%lld\\n\", \"" + expression + "\", (long long) (" + expression + "));");
        }
        source.add("  return 0;\n}");
        Path file = Files.write(folder.resolve("layouts.c"), source);
        Path program = folder.resolve("layouts");
        Outcome compiled = run(gcc.toString(), "-Werror", "-o", program.toString(), file.toString());
        assertThat(compiled.status()).as(compiled.output()).isZero();
        Outcome outcome = run(program.toString());
        assertThat(outcome.status()).isZero();
        return outcome.output().lines().map(line -> line.split("\t"))
                .collect(Collectors.toMap(columns -> columns[0], columns -> Long.parseLong(columns[1])));
    }

    private record Outcome(int status, String output) {}

    private static Outcome run(String... command) throws IOException, InterruptedException {
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return new Outcome(process.exitValue(), output);
    }
}
