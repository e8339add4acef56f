package dev.vz.architecture.broken.libraries.emulator;

import org.assertj.core.util.Lists;

/** A core that pulls a library in. */
class BadDecoder {
    Object list() {
        return Lists.newArrayList();
    }
}
