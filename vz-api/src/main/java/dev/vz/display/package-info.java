/**
 * The seam between whatever draws (a GPU, a linear framebuffer) and whoever shows it (VNC, a picture file). Pixels with
 * damage go one way through {@link dev.vz.display.Screen}, keys and pointer come back through
 * {@link dev.vz.display.InputSink}.
 */
@NullMarked
package dev.vz.display;

import org.jspecify.annotations.NullMarked;
