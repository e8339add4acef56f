/**
 * Waiting and waking: eventfd, timerfd, poll, and the epoll loop that devices hang on.
 *
 * <p>
 * Nothing here allocates per event. Descriptors made here are closed by the object that made them.
 */
@NullMarked
package dev.vz.linux.event;

import org.jspecify.annotations.NullMarked;
