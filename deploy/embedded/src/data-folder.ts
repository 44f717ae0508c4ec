import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError } from '@sluice/shared/config/config-error.ts';
import { z } from 'zod';

/** What the gateway made for itself and must find again at its next start. Secrets: readable by the owner alone. */
const State = z.object({
  masterKey: z.string().min(8),
  /** The key that the welcome shows; null until there is one. */
  virtualKey: z.string().nullable(),
  /** Of the embedded PostgreSQL: other users of the machine can reach its port. */
  postgresPassword: z.string().min(16),
});
export type State = z.infer<typeof State>;

export interface DataFolder {
  readonly path: string;
  readonly postgresDir: string;
  readonly simulatorIdentityFile: string;
  readonly state: State;
  save(state: State): Promise<void>;
}

/** @throws ConfigError for a place where nothing can be kept; Error naming the file when it was spoilt */
export async function openDataFolder(dir: string): Promise<DataFolder> {
  const folder = path.resolve(dir);
  try {
    await makeFolder(folder);
    return await openFolder(folder);
  } catch (error) {
    const code = codeOf(error);
    if (code === null) throw error;
    throw new ConfigError([
      `--data: nothing can be kept in ${folder} (${code}). Give a folder that this user may make and write to.`,
    ]);
  }
}

async function openFolder(folder: string): Promise<DataFolder> {
  const file = path.join(folder, 'state.json');
  const save = async (state: State) => {
    // Written beside and moved: a crash leaves the old one or the new one.
    await writeFile(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
    await chmod(`${file}.new`, 0o600);
    await rename(`${file}.new`, file);
  };
  const stored = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
  const state =
    stored === null
      ? { masterKey: `sk-${secret()}`, virtualKey: null, postgresPassword: secret() }
      : parse(stored, file);
  if (stored === null) await save(state);
  return {
    path: folder,
    postgresDir: path.join(folder, 'postgres'),
    simulatorIdentityFile: path.join(folder, 'simulator-identity.pem'),
    state,
    save,
  };
}

/** With all that are missing above it. Node's own way never ends where there is one that takes no folders, as /proc. */
async function makeFolder(folder: string): Promise<void> {
  const parent = path.dirname(folder);
  if (parent !== folder && !existsSync(parent)) await makeFolder(parent);
  await mkdir(folder).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
}

/** Of what the file system refuses; null for other errors. */
function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error ? String(error.code) : null;
}

function secret(): string {
  return randomBytes(24).toString('base64url');
}

function parse(text: string, file: string): State {
  try {
    return State.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${file} cannot be read. Restore it, or remove it to get a new master key.`, { cause });
  }
}
