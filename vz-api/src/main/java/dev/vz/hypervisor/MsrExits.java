package dev.vz.hypervisor;

/**
 * A machine whose guest's accesses to unknown MSRs can leave to the handler, as {@link dev.vz.cpu.VcpuExit.MsrRead} and
 * {@link dev.vz.cpu.VcpuExit.MsrWrite}, instead of raising #GP in the guest. Any thread, before the vCPUs run.
 */
public interface MsrExits {

    /** Makes them leave, or not; at first they do not. */
    void exitOnUnknownMsrs(boolean wanted);
}
