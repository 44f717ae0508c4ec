import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);
export const root = path.resolve(import.meta.dirname, '../..');
/** What a program needs of ours, and nothing that configures Sluice. */
export const plainEnv = {
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
};

const Ended = z.object({ code: z.int(), stdout: z.string(), stderr: z.string() });
export type Ended = z.infer<typeof Ended>;

/** Runs one of our programs to its end, with nothing in its environment but what is given. */
export async function endOf(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { timeoutMs = 20_000 }: { timeoutMs?: number } = {},
): Promise<Ended> {
  try {
    const { stdout, stderr } = await run(process.execPath, [path.join(root, file), ...args], {
      cwd: root,
      env: { ...plainEnv, ...env },
      timeout: timeoutMs,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return Ended.parse(error);
  }
}
