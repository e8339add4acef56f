package dev.vz.samples.cli.net;

import dev.vz.error.VzException;
import dev.vz.net.definition.NetworkDefinition;
import dev.vz.net.definition.NetworkXml;
import dev.vz.net.network.KernelPlane;
import dev.vz.net.network.NetworkStore;
import dev.vz.net.network.Networks;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vz net}: libvirt network XML in and out, networks on the kernel's bridge and nftables. */
@Command(name = "net", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND", header = "Networks that last, as libvirt's XML defines them.", description = {
    "",
    "Starting and destroying take root: networks are made of the kernel's bridge and nftables."}, footerHeading = "%n@|bold Example:|@%n", footer = {
        "  vz net define default.xml && vz net start default"})
public final class NetCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = "--store", paramLabel = "DIR", description = "Where definitions are kept (default: $VZ_NETWORKS, else /var/lib/vz/networks for root, else ~/.local/share/vz/networks).")
    private @Nullable Path store;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Name a command");
    }

    private Networks networks() {
        return new Networks(new NetworkStore(store == null ? NetworkFolder.standard() : store), new KernelPlane());
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }

    @Command(name = "define", header = "Keeps a network that an XML file defines.")
    void define(@Parameters(paramLabel = "FILE", description = "libvirt network XML") Path file) {
        NetworkDefinition network = networks().define(NetworkXml.read(file));
        out().println("Network " + network.name() + " defined from " + file);
    }

    @Command(name = "start", header = "Lets a network work.")
    void start(@Parameters(paramLabel = "NAME", description = "its name") String name) {
        networks().activate(name);
        out().println("Network " + name + " started");
    }

    @Command(name = "autostart", header = "Marks a network that starts by itself; without a name, starts all that are marked.")
    int autostart(@Parameters(paramLabel = "NAME", arity = "0..1", description = "its name") Optional<String> name,
            @Option(names = "--disable", description = "Take the mark away.") boolean disable) {
        if (name.isPresent()) {
            networks().setAutostart(name.get(), !disable);
            out().println("Network " + name.get() + (disable ? " unmarked" : " marked") + " as autostarted");
            return 0;
        }
        Map<String, VzException> failures = networks().activateMarked();
        failures.forEach((network, failure) -> spec.commandLine().getErr()
                .println("vz: network " + network + ": " + failure.getMessage()));
        return failures.isEmpty() ? 0 : 1;
    }

    @Command(name = "destroy", header = "Ends a network's work; its definition stays.")
    void destroy(@Parameters(paramLabel = "NAME", description = "its name") String name) {
        networks().destroy(name);
        out().println("Network " + name + " destroyed");
    }

    @Command(name = "undefine", header = "Forgets a network.")
    void undefine(@Parameters(paramLabel = "NAME", description = "its name") String name) {
        networks().undefine(name);
        out().println("Network " + name + " has been undefined");
    }

    @Command(name = "list", header = "Lists the networks.")
    void list(@Option(names = "--all", description = "Those that are not active, too.") boolean all) {
        out().printf(" %-20s %-10s %s%n", "Name", "State", "Autostart");
        out().println("-".repeat(44));
        networks().list().stream().filter(each -> all || each.isActive())
                .forEach(each -> out().printf(" %-20s %-10s %s%n", each.definition().name(),
                        each.isActive() ? "active" : "inactive", each.isAutostart() ? "yes" : "no"));
    }

    @Command(name = "info", header = "Says how a network is.")
    void info(@Parameters(paramLabel = "NAME", description = "its name") String name) {
        Networks.Status status = networks().find(name);
        var bridge = status.definition().bridge();
        out().printf("%-16s%s%n", "Name:", name);
        out().printf("%-16s%s%n", "UUID:", status.definition().uuid());
        out().printf("%-16s%s%n", "Active:", status.isActive() ? "yes" : "no");
        out().printf("%-16s%s%n", "Persistent:", "yes");
        out().printf("%-16s%s%n", "Autostart:", status.isAutostart() ? "yes" : "no");
        out().printf("%-16s%s%n", "Bridge:", bridge == null ? "-" : bridge.name());
    }

    @Command(name = "dumpxml", header = "Prints a network's XML.")
    void dumpxml(@Parameters(paramLabel = "NAME", description = "its name") String name) {
        out().print(NetworkXml.write(networks().find(name).definition()));
        out().flush();
    }
}
