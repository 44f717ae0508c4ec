import { readFileSync } from 'node:fs';
import { childrenOf } from '../servers/process-tree.ts';

/** Of /proc/<pid>/stat. */
const ticksPerSecond = 100;

/** What each process, with its children (but the benchmark itself without), has used of the CPU since it started; milliseconds by name. */
export type CpuTimes = ReadonlyMap<string, number>;

export function cpuTimes(pids: ReadonlyMap<string, number>): CpuTimes {
  return new Map([...pids].map(([name, pid]) => [name, cpuMsOf(pid)]));
}

export function cpuSince(before: CpuTimes, after: CpuTimes): Map<string, number> {
  return new Map([...after].map(([name, ms]) => [name, ms - (before.get(name) ?? 0)]));
}

/** The process, its living children, and its dead ones. */
function cpuMsOf(pid: number): number {
  const own = ticksOf(pid);
  const children = (pid === process.pid ? [] : childrenOf(pid)).map((child) => ticksOf(child).self);
  const ticks = children.reduce(
    (total, child) => total + child,
    own.self + (pid === process.pid ? 0 : own.deadChildren),
  );
  return (ticks / ticksPerSecond) * 1_000;
}

/** @see proc(5): utime and stime are fields 14 and 15 of `pid (name) state …`, cutime and cstime the two after */
function ticksOf(pid: number): { self: number; deadChildren: number } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15).map(Number);
    return { self: utime + stime, deadChildren: cutime + cstime };
  } catch {
    return { self: 0, deadChildren: 0 }; // ended since it was listed: counted with its parent from now on
  }
}

/** Busy time of all CPUs since boot, milliseconds. */
export function machineBusyMs(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number);
  return ((user + nice + system + irq + softirq) / ticksPerSecond) * 1_000;
}

/** VmRSS, MiB. */
export function residentMb(pid: number): number {
  return statusMb(pid, 'VmRSS') ?? Number.NaN;
}

/** RssAnon, MiB: without what is shared or of a file. 0 for a process that has ended. */
export function anonymousMb(pid: number): number {
  try {
    return statusMb(pid, 'RssAnon') ?? 0;
  } catch {
    return 0;
  }
}

function statusMb(pid: number, field: 'VmRSS' | 'RssAnon'): number | null {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return found === undefined ? null : Number(found) / 1_024;
}
