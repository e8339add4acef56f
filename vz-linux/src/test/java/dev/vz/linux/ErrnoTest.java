package dev.vz.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.HostException;
import org.junit.jupiter.api.Test;

class ErrnoTest {

    @Test
    void namesEveryNumber() {
        assertThat(Errno.name(Errno.EAGAIN)).isEqualTo("EAGAIN");
        assertThat(Errno.name(Errno.EHWPOISON)).isEqualTo("EHWPOISON");
        assertThat(Errno.name(0)).isEqualTo("errno 0");
        assertThat(Errno.name(41)).isEqualTo("errno 41");
        assertThat(Errno.name(-1)).isEqualTo("errno -1");
        assertThat(Errno.name(9999)).isEqualTo("errno 9999");
    }

    @Test
    void lettingAGoodResultThrough() {
        assertThat(Errno.check("read", "a file", 7)).isEqualTo(7);
        assertThat(Errno.check("lseek", "a file", 1L << 40)).isEqualTo(1L << 40);
    }

    @Test
    void sayingWhatFailedOnWhatAndWhatToDo() {
        assertThatThrownBy(() -> Errno.check("eventfd", "a new descriptor", -Errno.EMFILE))
                .isInstanceOfSatisfying(HostException.class, failure -> {
                    assertThat(failure.operation()).isEqualTo("eventfd");
                    assertThat(failure.target()).isEqualTo("a new descriptor");
                    assertThat(failure.errno()).isEqualTo(Errno.EMFILE);
                })
                .hasMessage("eventfd on a new descriptor failed: EMFILE (24); this process has too many descriptors"
                        + " open: raise its limit (ulimit -n) or close some");
    }
}
