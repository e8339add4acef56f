package dev.vz.samples.cli.kit;

import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The modules of a kernel as they lie in its package, by name. What each depends on is read from the module itself (its
 * {@code .modinfo} section), since the packages come without the index that {@code depmod} makes. Used by one thread.
 */
public final class KernelModules {

    private static final String SUFFIX = ".ko";
    private static final byte[] DEPENDS = "\0depends=".getBytes(StandardCharsets.ISO_8859_1);

    private final Path folder;
    private final Map<String, Path> files = new HashMap<>();

    /** Those below {@code folder}. */
    public KernelModules(Path folder) {
        this.folder = folder;
        try (Stream<Path> all = Files.walk(folder)) {
            all.filter(file -> file.getFileName().toString().endsWith(SUFFIX)).forEach(file -> {
                String name = file.getFileName().toString();
                files.put(canonical(name.substring(0, name.length() - SUFFIX.length())), file);
            });
        } catch (IOException failure) {
            throw new HostException("looking for kernel modules", folder.toString(), failure);
        }
    }

    /** The kernel takes {@code -} and {@code _} in a module's name for the same. */
    private static String canonical(String name) {
        return name.replace('-', '_');
    }

    /**
     * The files of {@code names} and of all that they depend on, in the order in which they can be loaded.
     *
     * @throws FormatException if one is not there, and not built into the kernel
     */
    public List<Path> inOrder(Set<String> names) {
        var order = new ArrayList<Path>();
        Set<String> builtIn = builtIn();
        names.forEach(name -> add(canonical(name), order, builtIn));
        return order;
    }

    private void add(String name, List<Path> order, Set<String> builtIn) {
        Path file = files.get(name);
        if (file == null) {
            if (builtIn.contains(name)) {
                return;
            }
            throw new FormatException("The kernel in " + folder + " has no module " + name
                    + "; delete the folder of the guest kit, and the next run fetches it again");
        }
        if (!order.contains(file)) {
            for (String needed : dependencies(file)) {
                add(canonical(needed), order, builtIn);
            }
            order.add(file);
        }
    }

    /** {@code modules.builtin} lists the files that modules would have been. */
    private Set<String> builtIn() {
        Path list = folder.resolve("modules.builtin");
        try (Stream<String> lines = Files.exists(list) ? Files.lines(list) : Stream.of()) {
            return Set.copyOf(lines.map(line -> line.substring(line.lastIndexOf('/') + 1))
                    .filter(name -> name.endsWith(SUFFIX))
                    .map(name -> canonical(name.substring(0, name.length() - SUFFIX.length()))).toList());
        } catch (IOException failure) {
            throw new HostException("reading the list of what is built into the kernel", list.toString(), failure);
        }
    }

    static List<String> dependencies(Path file) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (IOException failure) {
            throw new HostException("reading a kernel module", file.toString(), failure);
        }
        // The section is a row of strings that end with NUL, KEY=VALUE each; every module has this one.
        for (int at = 0; at <= bytes.length - DEPENDS.length; at++) {
            if (java.util.Arrays.equals(bytes, at, at + DEPENDS.length, DEPENDS, 0, DEPENDS.length)) {
                int start = at + DEPENDS.length;
                int end = start;
                while (end < bytes.length && bytes[end] != 0) {
                    end++;
                }
                String value = new String(bytes, start, end - start, StandardCharsets.US_ASCII);
                return value.isEmpty() ? List.of() : List.of(value.split(","));
            }
        }
        throw new FormatException(file + " is no kernel module: it does not say what it depends on");
    }
}
