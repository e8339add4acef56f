package dev.vz.samples.cli.image;

import dev.vz.error.VzException;
import dev.vz.samples.cli.disk.CacheOption;
import dev.vz.samples.cli.disk.CommandFailure;
import dev.vz.samples.cli.disk.GetOpt;
import dev.vz.samples.cli.disk.HostErrors;
import dev.vz.samples.cli.disk.ImageStore;
import dev.vz.samples.cli.disk.PrettyJson;
import dev.vz.samples.cli.disk.Secrets;
import dev.vz.storage.DiskImage;
import dev.vz.storage.image.CheckReport;
import dev.vz.storage.image.CheckableDriver;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code check}. */
final class CheckCommand {

    private static final int OUTPUT = 256;
    private static final int OBJECT = 258;
    private static final int IMAGE_OPTIONS = 259;
    private static final int CORRUPT = 2;
    private static final int LEAKS = 3;
    private static final int NOT_SUPPORTED = 63;

    private CheckCommand() {}

    static int run(Console console, List<String> arguments) {
        String format = null;
        String output = "human";
        String repair = "";
        boolean quiet = false;
        boolean imageOptions = false;
        var options = new GetOpt(arguments, "hf:r:T:qU", List.of(new GetOpt.Long("help", false, 'h'), new GetOpt.Long(
                "format", true, 'f'), new GetOpt.Long("repair", true, 'r'), new GetOpt.Long("output", true, OUTPUT),
                new GetOpt.Long("object", true, OBJECT), new GetOpt.Long("image-opts", false, IMAGE_OPTIONS),
                new GetOpt.Long("force-share", false, 'U')));
        for (int option = options.next(); option != GetOpt.END; option = options.next()) {
            switch (option) {
                case 'f' -> format = options.value();
                case 'r' -> {
                    repair = options.value();
                    if (!repair.equals("leaks") && !repair.equals("all")) {
                        throw Console.usage("Unknown option value for -r (expecting 'leaks' or 'all'): " + repair);
                    }
                }
                case 'T' -> {
                    if (CacheOption.parse(options.value()).isEmpty()) {
                        throw new CommandFailure("Invalid source cache option: " + options.value());
                    }
                }
                case 'q' -> quiet = true;
                case 'U' -> {
                    // Nothing is locked.
                }
                case OUTPUT -> output = options.value();
                case OBJECT -> Secrets.add(options.value());
                case IMAGE_OPTIONS -> imageOptions = true;
                default -> throw Console.wrongOption(option, options);
            }
        }
        if (options.operands().size() != 1) {
            throw Console.usage("Expecting one image file name");
        }
        boolean json = InfoCommand.isJson(output);
        String name = options.operands().getFirst();
        ImageStore.Mode mode = (repair.isEmpty() ? ImageStore.Mode.READ : ImageStore.Mode.WRITE).forCheck();
        try (DiskImage image = Console.open(name, format, imageOptions, mode)) {
            if (!(image.driver() instanceof CheckableDriver checkable)) {
                console.complain("This image format does not support checks");
                return NOT_SUPPORTED;
            }
            return check(console, new Work(checkable, name, repair, json, quiet));
        }
    }

    private record Work(CheckableDriver driver, String name, String repair, boolean json, boolean quiet) {}

    private static int check(Console console, Work work) {
        CheckReport report;
        @Nullable
        CheckReport repaired = null;
        try {
            if (work.repair().isEmpty()) {
                report = tell(console, work.driver().check());
            } else {
                report = tell(console, work.driver().repair(work.repair().equals("all")));
                if (report.corruptionsFixed() > 0 || report.leaksFixed() > 0) {
                    repaired = report;
                    if (!work.json() && !work.quiet()) {
                        console.say("The following inconsistencies were found and repaired:\n\n    " + report
                                .leaksFixed() + " leaked clusters\n    " + report.corruptionsFixed()
                                + " corruptions\n\nDouble checking the fixed image now...");
                    }
                    report = tell(console, work.driver().check());
                }
            }
        } catch (VzException failure) {
            throw new CommandFailure("Check failed: " + HostErrors.text(failure));
        }
        if (!work.quiet()) {
            if (work.json()) {
                console.say(PrettyJson.lines(facts(work, report, repaired == null ? report : repaired)));
            } else {
                text(console, report);
            }
        }
        if (report.checkErrors() > 0) {
            throw new CommandFailure("Check failed");
        }
        return report.corruptions() > 0 ? CORRUPT : report.leaks() > 0 ? LEAKS : 0;
    }

    private static CheckReport tell(Console console, CheckReport report) {
        console.out.flush();
        report.messages().forEach(console.err::println);
        return report;
    }

    private static void text(Console console, CheckReport report) {
        if (report.corruptions() == 0 && report.leaks() == 0 && report.checkErrors() == 0) {
            console.say("No errors were found on the image.");
        } else {
            if (report.corruptions() > 0) {
                console.say("\n" + report.corruptions() + " errors were found on the image.\n"
                        + "Data may be corrupted, or further writes to the image may corrupt it.");
            }
            if (report.leaks() > 0) {
                console.say("\n" + report.leaks() + " leaked clusters were found on the image.\n"
                        + "This means waste of disk space, but no harm to data.");
            }
            if (report.checkErrors() > 0) {
                console.say("\n" + report.checkErrors() + " internal errors have occurred during the check.");
            }
        }
        if (report.totalClusters() > 0 && report.allocatedClusters() > 0) {
            console.say(String.format(Locale.ROOT,
                    "%d/%d = %s%% allocated, %s%% fragmented, %s%% compressed clusters", report.allocatedClusters(),
                    report.totalClusters(), percent(report.allocatedClusters(), report.totalClusters()),
                    percent(report.fragmentedClusters(), report.allocatedClusters()),
                    percent(report.compressedClusters(), report.allocatedClusters())));
        }
        if (report.imageEndOffset() > 0) {
            console.say("Image end offset: " + report.imageEndOffset());
        }
    }

    /** With two digits, rounded as C does: 3.125 is exactly between two numbers, and goes to the even one. */
    private static String percent(long part, long whole) {
        return new BigDecimal(part * 100.0 / whole).setScale(2, RoundingMode.HALF_EVEN).toPlainString();
    }

    private static Map<String, Object> facts(Work work, CheckReport report, CheckReport repaired) {
        Map<String, Object> facts = new LinkedHashMap<>();
        put(facts, "image-end-offset", report.imageEndOffset());
        put(facts, "compressed-clusters", report.compressedClusters());
        put(facts, "leaks-fixed", repaired.leaksFixed());
        put(facts, "corruptions-fixed", repaired.corruptionsFixed());
        put(facts, "total-clusters", report.totalClusters());
        facts.put("check-errors", report.checkErrors());
        put(facts, "corruptions", report.corruptions());
        put(facts, "leaks", report.leaks());
        put(facts, "allocated-clusters", report.allocatedClusters());
        facts.put("filename", work.name());
        facts.put("format", work.driver().format().label());
        put(facts, "fragmented-clusters", report.fragmentedClusters());
        return facts;
    }

    private static void put(Map<String, Object> facts, String name, long value) {
        if (value != 0) {
            facts.put(name, value);
        }
    }
}
