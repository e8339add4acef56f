package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.storage.DiskImage;
import dev.vz.storage.qcow2.Qcow2Driver;
import dev.vz.storage.qcow2.Snapshot;
import java.util.List;

/** {@code snapshot}: internal snapshots. */
final class SnapshotCommand {

    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;

    private SnapshotCommand() {}

    static int run(Console console, List<String> arguments) {
        int action = 0;
        String name = "";
        boolean imageOptions = false;
        var options = new GetOpt(arguments, "la:c:d:hqU", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "object", true, OBJECT), new GetOpt.Long("image-opts", false, IMAGE_OPTIONS),
                new GetOpt.Long(
                        "force-share", false, 'U')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'l', 'a', 'c', 'd' -> {
                    if (action != 0) {
                        throw Console.usage("Cannot mix '-l', '-a', '-c', '-d'");
                    }
                    action = option;
                    name = option == 'l' ? "" : options.value();
                }
                case 'q', 'U' -> {
                    // There is nothing to say, and nothing is locked.
                }
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (options.operands().size() != 1) {
            throw Console.usage("Expecting one image file name");
        }
        ImageStore.Mode mode = action == 'l' || action == 0 ? ImageStore.Mode.READ : ImageStore.Mode.WRITE;
        try (DiskImage image = Console.open(options.operands().getFirst(), null, imageOptions, mode)) {
            return perform(console, image, action, name);
        }
    }

    private static int perform(Console console, DiskImage image, int action, String name) {
        Qcow2Driver driver = image.driver() instanceof Qcow2Driver qcow2 ? qcow2 : null;
        switch (action) {
            case 'c' -> {
                if (driver == null) {
                    throw new CommandFailure("Could not create snapshot '" + name
                            + "': -95 (Operation not supported)");
                }
                create(driver, name);
            }
            case 'a' -> {
                try {
                    requireSnapshots(driver).applySnapshot(find(driver, name, "Could not apply snapshot '" + name
                            + "': snapshot not found"));
                } catch (VzException failure) {
                    throw new CommandFailure("Could not apply snapshot '" + name + "': " + HostErrors.text(failure));
                }
            }
            case 'd' -> {
                try {
                    requireSnapshots(driver).deleteSnapshot(find(driver, name, "Could not delete snapshot '" + name
                            + "': snapshot not found"));
                } catch (VzException failure) {
                    throw new CommandFailure("Could not delete snapshot '" + name + "': " + HostErrors.text(failure));
                }
            }
            default -> list(console, driver);
        }
        return 0;
    }

    private static void create(Qcow2Driver driver, String name) {
        try {
            driver.createSnapshot(name);
        } catch (VzException failure) {
            boolean full = failure.getMessage().contains("refcount");
            throw new CommandFailure("Could not create snapshot '" + name + "': " + (full ? "-22 (Invalid argument)"
                    : "-95 (Operation not supported)"));
        }
    }

    private static Qcow2Driver requireSnapshots(@org.jspecify.annotations.Nullable Qcow2Driver driver) {
        if (driver == null) {
            throw new CommandFailure("Block format does not support internal snapshots");
        }
        return driver;
    }

    /** The id of the snapshot that has {@code name} as its id or else as its name. */
    private static String find(@org.jspecify.annotations.Nullable Qcow2Driver driver, String name, String otherwise) {
        List<Snapshot> all = requireSnapshots(driver).snapshots();
        return all.stream().filter(each -> each.id().equals(name)).findFirst().or(() -> all.stream().filter(each -> each
                .name().equals(name)).findFirst()).map(Snapshot::id).orElseThrow(() -> new CommandFailure(otherwise));
    }

    private static void list(Console console, @org.jspecify.annotations.Nullable Qcow2Driver driver) {
        if (driver == null || driver.snapshots().isEmpty()) {
            return;
        }
        console.say("Snapshot list:");
        console.say(SnapshotTexts.HEADING);
        driver.snapshots().forEach(each -> console.say(SnapshotTexts.line(SnapshotTexts.facts(each))));
    }
}
