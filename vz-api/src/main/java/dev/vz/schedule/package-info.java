/**
 * Who runs when there are more virtual CPUs than host threads. A {@link dev.vz.schedule.VcpuScheduler} is a policy: it
 * is told what became ready, blocked or ran for how long, and answers who runs next. It owns no thread and reads no
 * clock, so it can be tested in virtual time.
 */
@NullMarked
package dev.vz.schedule;

import org.jspecify.annotations.NullMarked;
