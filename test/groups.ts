import path from 'node:path';

/** Files that run one after the other in one process, under a name that the run tells them by. */
export interface Group {
  readonly name: string;
  /** Paths from the root. */
  readonly files: readonly string[];
}

/** Few enough that none of them keeps the end of a run waiting. */
const atATime = 16;

/** Where files hold by themselves nothing that others in their process could trip over: what they test opens no process. */
const shared = /^(?:(?:packages|services)\/[^/]+\/test|test\/oci-(?:simulator|coverage))\//;

/**
 * Tests of parts are many and short, and what they import is large: to load it takes most of them longer than to run.
 * Those of one folder are loaded into one process; what starts and kills whole gateways has one of its own.
 *
 * @param files paths from the root
 */
export function groupsOf(files: readonly string[]): Group[] {
  const byFolder = Map.groupBy(files, (file) => shared.exec(file)?.[0] ?? file);
  return [...byFolder].flatMap(([folder, all]) => {
    const count = Math.ceil(all.length / atATime);
    return Array.from({ length: count }, (_, nth) => {
      const some = all.filter((_file, at) => at % count === nth);
      const [first = folder] = some;
      return { name: some.length === 1 ? first : `${folder}, ${nth + 1} of ${count}`, files: some };
    });
  });
}

/** The program that runs the files that are its arguments, and is a test file itself. */
export const groupProgram = path.join(import.meta.dirname, 'run-group.ts');
