package dev.vz.architecture.broken.backend.machine;

import dev.vz.architecture.broken.backend.kvm.GoodBackEnd;

/** A board for one back end only. */
class BadBoard extends GoodBackEnd {}
