import { readdirSync, readFileSync } from 'node:fs';

/** The direct children of a process. Read from /proc, so empty on systems without it. */
export function childrenOf(parentPid: number): number[] {
  return processIds().filter((pid) => statOf(pid)?.parentPid === parentPid);
}

/** Whether the process still runs; one that has ended and is only not yet reaped does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return statOf(pid)?.state !== 'Z';
}

function processIds(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** @see proc(5): `pid (name) state ppid …`, where the name may hold spaces and brackets */
function statOf(pid: number): { state: string; parentPid: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', parentPid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parentPid: Number(parentPid) };
  } catch {
    return undefined;
  }
}
