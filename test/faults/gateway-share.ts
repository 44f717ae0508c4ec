import { existsSync } from 'node:fs';
import { cpuSince, cpuTimes, machineBusyMs } from '../load/process-usage.ts';
import { childrenOf } from '../servers/process-tree.ts';

/**
 * Begins to measure how much of what the machine does is done by the gateway and its servers: this process's
 * children. What they take so long for beside other work takes so much less of their own time; this process, which is the
 * clients and the provider, is other work.
 *
 * @returns asks for the share since then: over 0, at most 1; 1 where there is no /proc to read it from
 */
export function measureGatewayShare(): () => number {
  if (!existsSync('/proc/stat')) return () => 1;
  const pids = new Map(childrenOf(process.pid).map((pid) => [String(pid), pid]));
  const [before, busyBefore] = [cpuTimes(pids), machineBusyMs()];
  return () => {
    const busyMs = machineBusyMs() - busyBefore;
    const gatewayMs = [...cpuSince(before, cpuTimes(pids)).values()].reduce((sum, ms) => sum + ms, 0);
    return busyMs > 0 ? Math.min(1, gatewayMs / busyMs) : 1;
  };
}
