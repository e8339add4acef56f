package dev.vz.machine.json;

import dev.vz.cpu.x86.CpuFeature;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.machine.CpuDescription;
import dev.vz.machine.MachineDescription;
import dev.vz.machine.MemoryDescription;
import dev.vz.machine.PlatformDescription;
import dev.vz.machine.PlatformDescription.DisplayDescription;
import dev.vz.machine.RestartPolicy;
import dev.vz.machine.boot.BootFile;
import dev.vz.machine.boot.BootMethod;
import dev.vz.machine.boot.CodeBoot;
import dev.vz.machine.boot.LinuxBoot;
import dev.vz.memory.MemoryRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads and writes machine descriptions as JSON:
 *
 * <pre>{@code
 * {
 *   "name" : "demo",
 *   "memory" : "512M",
 *   "cpus" : 2,
 *   "boot" : { "kernel" : "vmlinuz", "initrd" : "initrd.img", "commandLine" : "console=ttyS0" }
 * }
 * }</pre>
 *
 * <p>
 * {@code memory} and {@code cpus} may be objects that say more; whatever is left out has the value that
 * {@link MachineDescription#of} gives it. File names are relative to where the program runs. Thread-safe.
 */
public final class MachineDescriptionJson {

    /** No description comes near it; a document that does is not one. */
    private static final long LARGEST = 1 << 20;
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).enable(SerializationFeature.INDENT_OUTPUT).build();

    private MachineDescriptionJson() {}

    /**
     * The description in {@code file}.
     *
     * @throws FormatException        if the document is not one, naming the place
     * @throws ConfigurationException if what it describes cannot be
     * @throws HostException          if the file cannot be read
     */
    public static MachineDescription read(Path file) {
        try {
            if (Files.size(file) > LARGEST) {
                throw new FormatException(
                        file + ": a machine description has at most " + LARGEST + " bytes, this file has "
                                + Files.size(file));
            }
            return parse(file.toString(), Files.readString(file, StandardCharsets.UTF_8));
        } catch (IOException failure) {
            throw new HostException("read", file.toString(), failure);
        }
    }

    /**
     * The description that {@code text} is.
     *
     * @param document for messages: where the text comes from
     * @throws FormatException        if the document is not one, naming the place
     * @throws ConfigurationException if what it describes cannot be
     */
    public static MachineDescription parse(String document, String text) {
        JsonNode root;
        try {
            root = MAPPER.readTree(text);
        } catch (JacksonException failure) {
            throw new FormatException(document + ": line " + failure.getLocation().getLineNr() + ", column "
                    + failure.getLocation().getColumnNr() + ": " + failure.getOriginalMessage(), failure);
        }
        return machine(new Fields(document, "$", root));
    }

    private static MachineDescription machine(Fields fields) {
        String name = fields.requireText("name");
        BootMethod boot = boot(fields.requireObject("boot"));
        MachineDescription standard = MachineDescription.of(name, boot);
        var description = new MachineDescription(name, memory(fields).orElse(standard.memory()),
                cpus(fields).orElse(standard.cpus()), boot, platform(fields),
                fields.choice("onReset", RestartPolicy.class).orElse(standard.onReset()),
                fields.flag("tripleFaultResets").orElse(standard.tripleFaultResets()));
        fields.done();
        return description;
    }

    private static Optional<MemoryDescription> memory(Fields fields) {
        if (fields.find("memory").map(JsonNode::isObject).orElse(false)) {
            return fields.object("memory").map(memory -> {
                var description = new MemoryDescription(memory.requireSize("size"),
                        memory.choice("allocation", MemoryRequest.Allocation.class)
                                .orElse(MemoryRequest.Allocation.DYNAMIC),
                        memory.choice("backing", MemoryRequest.Backing.class).orElse(MemoryRequest.Backing.ANONYMOUS),
                        memory.path("file"), memory.size("pageSize").orElse(0L));
                memory.done();
                return description;
            });
        }
        return fields.size("memory").map(MemoryDescription::of);
    }

    private static Optional<CpuDescription> cpus(Fields fields) {
        if (fields.find("cpus").map(JsonNode::isObject).orElse(false)) {
            return fields.object("cpus").map(cpus -> {
                var description = new CpuDescription(cpus.number("count").orElse(1),
                        Set.copyOf(cpus.choices("hidden", CpuFeature.class)));
                cpus.done();
                return description;
            });
        }
        return fields.number("cpus").map(CpuDescription::of);
    }

    private static PlatformDescription platform(Fields fields) {
        PlatformDescription standard = PlatformDescription.standard();
        OptionalInt debugExit = fields.number("debugExit").map(OptionalInt::of).orElse(OptionalInt.empty());
        Optional<DisplayDescription> display = fields.object("display").map(size -> {
            var description = new DisplayDescription(size.requireNumber("width"), size.requireNumber("height"));
            size.done();
            return description;
        });
        return new PlatformDescription(fields.number("serialPorts").orElse(standard.serialPorts()),
                fields.flag("debugConsole").orElse(false), debugExit, display);
    }

    private static BootMethod boot(Fields fields) {
        BootMethod boot = fields.has("code") ? code(fields) : linux(fields);
        fields.done();
        return boot;
    }

    private static BootMethod code(Fields fields) {
        return new CodeBoot(BootFile.of(fields.requirePath("code")), fields.requireAddress("address"),
                fields.choice("mode", CodeBoot.Mode.class)
                        .orElseThrow(() -> fields.bad("the field \"mode\" is missing")));
    }

    private static BootMethod linux(Fields fields) {
        return new LinuxBoot(BootFile.of(fields.requirePath("kernel")),
                fields.paths("initrd").stream().map(BootFile::of).toList(),
                fields.text("commandLine").orElse(""),
                fields.choice("entry", LinuxBoot.Entry.class).orElse(LinuxBoot.Entry.AUTO),
                fields.flag("unpack").orElse(false));
    }

    // ------------------------------------------------------------------------------------------------- writing

    /**
     * {@code description} as a document; {@link #parse} makes an equal one of it.
     *
     * @throws ConfigurationException if it boots from bytes in memory
     */
    public static String write(MachineDescription description) {
        ObjectNode root = MAPPER.createObjectNode();
        root.put("name", description.name());
        MemoryDescription memory = description.memory();
        ObjectNode memoryNode = root.putObject("memory");
        memoryNode.put("size", memory.size());
        memoryNode.put("allocation", Fields.spell(memory.allocation()));
        memoryNode.put("backing", Fields.spell(memory.backing()));
        memory.file().ifPresent(file -> memoryNode.put("file", file.toString()));
        memoryNode.put("pageSize", memory.pageSize());
        ObjectNode cpus = root.putObject("cpus");
        cpus.put("count", description.cpus().count());
        var hidden = cpus.putArray("hidden");
        description.cpus().hidden().stream().sorted().forEach(feature -> hidden.add(Fields.spell(feature)));
        writeBoot(root.putObject("boot"), description.boot());
        PlatformDescription platform = description.platform();
        root.put("serialPorts", platform.serialPorts());
        root.put("debugConsole", platform.debugConsole());
        platform.debugExit().ifPresent(port -> root.put("debugExit", port));
        platform.display().ifPresent(
                display -> root.putObject("display").put("width", display.width()).put("height", display.height()));
        root.put("onReset", Fields.spell(description.onReset()));
        root.put("tripleFaultResets", description.tripleFaultResets());
        return MAPPER.writeValueAsString(root);
    }

    private static void writeBoot(ObjectNode node, BootMethod boot) {
        switch (boot) {
            case LinuxBoot linux -> {
                node.put("kernel", path(linux.kernel()));
                var initrds = node.putArray("initrd");
                linux.initrds().forEach(initrd -> initrds.add(path(initrd)));
                node.put("commandLine", linux.commandLine());
                node.put("entry", Fields.spell(linux.entry()));
                node.put("unpack", linux.unpack());
            }
            case CodeBoot code -> {
                node.put("code", path(code.code()));
                node.put("address", "0x" + Long.toHexString(code.address()));
                node.put("mode", Fields.spell(code.mode()));
            }
        }
    }

    private static String path(BootFile file) {
        return switch (file) {
            case BootFile.OfPath ofPath -> ofPath.path().toString();
            case BootFile.OfBytes bytes ->
                    throw new ConfigurationException("Cannot write a machine description that boots "
                            + "from " + bytes.name()
                            + ": bytes in memory have no name in a document; put them into a file");
        };
    }
}
