package dev.vz.samples.cli.nbd;

import dev.vz.storage.nbd.ExportInfo;
import dev.vz.storage.nbd.NbdClient;
import dev.vz.storage.nbd.NbdClientOptions;
import dev.vz.storage.nbd.NbdUri;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vz nbd info}: what a server says about an export. */
@Command(name = "info", mixinStandardHelpOptions = true, header = "Says what a server tells about an export, or about all.")
final class InfoCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = "--list", description = "All exports instead of the one that the URI names.")
    private boolean list;

    @Option(names = "--size", description = "Only the size, in bytes.")
    private boolean size;

    @Parameters(paramLabel = "URI", description = "For example nbd://host/export or nbd+unix:///?socket=PATH.")
    @SuppressWarnings("NullAway.Init")
    private String address;

    @Override
    public Integer call() {
        NbdUri uri = NbdUri.parse(address);
        PrintWriter out = spec.commandLine().getOut();
        if (size) {
            out.println(NbdClient.describe(uri, NbdClientOptions.DEFAULT).size());
        } else {
            List<ExportInfo> exports = list ? NbdClient.list(uri, NbdClientOptions.DEFAULT)
                    : List.of(NbdClient.describe(uri, NbdClientOptions.DEFAULT));
            out.print(ExportText.list(exports, export -> NbdClient.contexts(new NbdUri(uri.host(), uri.port(),
                    uri.socket(), export.name(), uri.tls(), uri.certificates()), NbdClientOptions.DEFAULT)));
        }
        out.flush();
        return 0;
    }
}
