import { existsSync } from 'node:fs';
import { cpuSince, cpuTimes, machineBusyMs } from '../load/process-usage.ts';
import { childrenOf } from '../servers/process-tree.ts';

/**
 * Begins to measure how much of what the machine does is done for this test: by its own process, its children and
 * theirs. What takes so long beside other work takes so much less of its own time.
 *
 * @returns asks for the share since then: over 0, at most 1; 1 where there is no /proc to read it from
 */
export function measureOwnShare(): () => number {
  if (!existsSync('/proc/stat')) return () => 1;
  const pids = new Map([process.pid, ...childrenOf(process.pid)].map((pid) => [String(pid), pid]));
  const [before, busyBefore] = [cpuTimes(pids), machineBusyMs()];
  return () => {
    const busyMs = machineBusyMs() - busyBefore;
    const ownMs = [...cpuSince(before, cpuTimes(pids)).values()].reduce((sum, ms) => sum + ms, 0);
    return busyMs > 0 ? Math.min(1, ownMs / busyMs) : 1;
  };
}
