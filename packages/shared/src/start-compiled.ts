import { flushCompileCache, getCompileCacheDir } from 'node:module';

/**
 * Starts the process again, under the same id, if it had to strip types from its own TypeScript: the stripper stays
 * in memory for good, some 25 MB of it, which is a sixth of a service. The second start reads what the first one has
 * left in Node's compile cache, and strips nothing. So it does nothing from the second start of a version on, nor
 * where there is no compile cache (`NODE_COMPILE_CACHE`, which `deploy/bootstrap.mjs` sets) or no `execve` (Windows).
 *
 * Whoever calls this has opened nothing yet.
 */
export function startCompiled(env: Readonly<Record<string, string | undefined>>): void {
  const isSecondStart = env[secondStart] !== undefined;
  if (isSecondStart || !hasStrippedTypes() || getCompileCacheDir() === undefined) return;
  flushCompileCache();
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.(process.execPath, args, { ...env, [secondStart]: '1' });
}

/** A cache that cannot be written to must not make a process start for ever. */
const secondStart = 'SLUICE_SECOND_START';

/** The stripper is loaded when it is first needed. `moduleLoadList` has all that Node has loaded of itself. */
function hasStrippedTypes(): boolean {
  const loaded: unknown = Reflect.get(process, 'moduleLoadList');
  return Array.isArray(loaded) && loaded.some((name) => String(name).includes('amaro'));
}
