package dev.vz.schedule;

import dev.vz.error.ConfigurationException;

/**
 * A vCPU as the scheduler sees it.
 *
 * @param machine  name of its machine; shares and limits hold for all its vCPUs together
 * @param vcpu     number in the machine
 * @param priority 0 (lowest) to 99; for priority scheduling
 * @param shares   weight against other machines, 1 to 10,000; for fair sharing
 * @param limit    most processor time per second of real time that the machine gets, in nanoseconds;
 *                 {@link Long#MAX_VALUE} for no limit
 */
public record VcpuTask(String machine, int vcpu, int priority, int shares, long limit) {

    /** Checks the numbers. */
    public VcpuTask {
        if (priority < 0 || priority > 99 || shares < 1 || shares > 10_000 || limit <= 0) {
            throw new ConfigurationException("vCPU " + vcpu + " of " + machine + ": priority must be 0 to 99 (is "
                    + priority + "), shares 1 to 10000 (is " + shares + "), the limit positive (is " + limit + ")");
        }
    }

    /** Middle priority, 1,024 shares, no limit. */
    public static VcpuTask of(String machine, int vcpu) {
        return new VcpuTask(machine, vcpu, 50, 1024, Long.MAX_VALUE);
    }
}
