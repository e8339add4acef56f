package dev.vz.samples.cli.io;

import dev.vz.samples.cli.disk.CacheOption;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.ImageSpec;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.OptionList;
import dev.vz.storage.file.CacheMode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code open} and {@code reopen}. */
final class OpenCommands {

    private OpenCommands() {}

    static boolean open(Session session, List<String> arguments) {
        ImageStore.Mode mode = session.mode();
        boolean readOnly = false;
        boolean temporary = false;
        Map<String, String> given = new LinkedHashMap<>();
        var options = new GetOpt(arguments, "snCro:ki:t:d:U", List.of());
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 's' -> temporary = true;
                case 'r' -> readOnly = true;
                case 'n' -> mode = mode.withCache(CacheMode.WRITEBACK);
                case 't' -> {
                    Optional<CacheMode> cache = CacheOption.parse(options.value());
                    if (cache.isEmpty()) {
                        session.complain("Invalid cache option: " + options.value());
                        return false;
                    }
                    mode = mode.withCache(cache.get());
                }
                case 'o' -> given.putAll(OptionList.parse(options.value()));
                case 'C' -> session.setCopyOnRead(true);
                case 'k', 'i', 'd', 'U' -> {
                    // How the host is driven; the result is the same.
                }
                default -> {
                    return CommandTable.usage(session, "open");
                }
            }
        }
        List<String> operands = options.operands();
        if (operands.size() > 1 || operands.isEmpty() && given.isEmpty()) {
            return CommandTable.usage(session, "open");
        }
        ImageSpec spec;
        try {
            if (operands.isEmpty()) {
                spec = new ImageSpec("", given);
            } else {
                spec = ImageSpec.ofName(operands.getFirst(), given.remove("driver"));
                spec.options().putAll(given);
            }
        } catch (CommandFailure failure) {
            session.complain("can't open device " + operands.getFirst() + ": " + failure.getMessage());
            return false;
        }
        return temporary ? session.openTemporary(spec, mode) : session.open(spec, mode.withReadOnly(readOnly));
    }

    static boolean reopen(Session session, List<String> arguments) {
        ImageStore.Mode mode = session.mode();
        boolean chosen = false;
        boolean cached = false;
        boolean readOnly = mode.readOnly();
        Map<String, String> given = new LinkedHashMap<>();
        var options = new GetOpt(arguments, "c:o:rw", List.of());
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'c' -> {
                    Optional<CacheMode> cache = CacheOption.parse(options.value());
                    if (cache.isEmpty()) {
                        session.complain("Invalid cache option: " + options.value());
                        return false;
                    }
                    mode = mode.withCache(cache.get());
                    cached = true;
                }
                case 'o' -> given.putAll(OptionList.parse(options.value()));
                case 'r', 'w' -> {
                    if (chosen) {
                        session.complain("Only one -r/-w option may be given");
                        return false;
                    }
                    chosen = true;
                    readOnly = option == 'r';
                }
                default -> {
                    return CommandTable.usage(session, "reopen");
                }
            }
        }
        if (!options.operands().isEmpty()) {
            return CommandTable.usage(session, "reopen");
        }
        try {
            return session.reopen(mode.withReadOnly(readOnly), given, chosen, cached);
        } catch (CommandFailure wrong) {
            session.complain(wrong.getMessage());
            return false;
        }
    }
}
