package dev.vz.storage.vhd;

/** Cylinders, heads and sectors by the calculation of the specification's appendix "CHS Calculation". */
record Geometry(long cylinders, long heads, long sectorsPerTrack) {

    /** For a disk of {@code size} sectors. */
    static Geometry of(long size) {
        long sectors = Math.min(size, VhdFooter.MAX_CHS_SECTORS);
        long perTrack;
        long heads;
        long tracks;
        if (sectors > 65535L * 16 * 63) {
            perTrack = 255;
            heads = 16;
            tracks = sectors / perTrack;
        } else {
            perTrack = 17;
            tracks = sectors / perTrack;
            heads = Math.max(4, (tracks + 1023) / 1024);
            if (tracks >= heads * 1024 || heads > 16) {
                perTrack = 31;
                heads = 16;
                tracks = sectors / perTrack;
            }
            if (tracks >= heads * 1024) {
                perTrack = 63;
                heads = 16;
                tracks = sectors / perTrack;
            }
        }
        return new Geometry(tracks / heads, heads, perTrack);
    }

    /** How many sectors that is. */
    long sectors() {
        return cylinders * heads * sectorsPerTrack;
    }
}
