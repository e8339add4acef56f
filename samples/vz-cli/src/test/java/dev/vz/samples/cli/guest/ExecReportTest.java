package dev.vz.samples.cli.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class ExecReportTest {

    private final StringBuilder output = new StringBuilder();
    private final StringBuilder errors = new StringBuilder();
    private final StringBuilder kernel = new StringBuilder();
    private final List<String> trouble = new ArrayList<>();
    private final ExecReport report = new ExecReport("m", into(output), into(errors), into(kernel), trouble::add);

    @Test
    void theScriptsOutputErrorsAndStatusAreToldFromTheKernelsMessages() {
        console("[ 0.1] booting\n\0m begin\noops\n");
        data("one\r\ntwo");
        data("\0m 3\n");
        assertThat(report.complete()).as("its error output has not ended").isFalse();
        console("\0m end\n[ 9.9] reboot: Power down\n");
        assertThat(report.complete()).isTrue();
        assertThat(report.status()).hasValue(3);
        assertThat(output).hasToString("one\r\ntwo");
        assertThat(errors).hasToString("oops\n");
        assertThat(kernel).hasToString("[ 0.1] booting\n[ 9.9] reboot: Power down\n");
        assertThat(trouble).isEmpty();
    }

    @Test
    void whatAProcessLeftBehindWritesAfterTheStatusIsNotTheScripts() {
        data("kept\0m 0\ndropped");
        assertThat(output).hasToString("kept");
    }

    @Test
    void aGuestWithoutASecondPortIsExplained() {
        console("\0m no-data-port\n");
        assertThat(trouble).singleElement().asString().contains("ttyS1");
        assertThat(report.complete()).isFalse();
    }

    @Test
    void aStatusThatIsNoneIsReported() {
        data("\0m 256\n\0m -1\n\0m many\n");
        assertThat(trouble).hasSize(3).allMatch(text -> text.contains("status"));
        assertThat(report.status()).isEmpty();
    }

    @Property
    void noBytesFromTheGuestThrow(@ForAll byte[] bytes) {
        for (byte value : bytes) {
            report.console(value);
            report.data(value);
        }
        report.finish();
        assertThat(output.length()).isEqualTo(bytes.length);
        output.setLength(0);
        kernel.setLength(0);
    }

    private void console(String text) {
        for (byte value : text.getBytes(StandardCharsets.ISO_8859_1)) {
            report.console(value);
        }
    }

    private void data(String text) {
        for (byte value : text.getBytes(StandardCharsets.ISO_8859_1)) {
            report.data(value);
        }
    }

    private static ExecReport.Sink into(StringBuilder text) {
        return value -> text.append((char) (value & 0xFF));
    }
}
