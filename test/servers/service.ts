import path from 'node:path';
import { openChild } from './child.ts';
import type { Child, ChildOptions } from './child.ts';
import { freePort } from './free-port.ts';

/** What each process of the distributed mode is started by, from the root of the tree. */
export const servicePrograms = {
  ingress: 'services/ingress/src/main.ts',
  worker: 'services/worker/src/main.ts',
  ledger: 'services/ledger/src/main.ts',
  'batch-runner': 'services/ingress/src/batch-runner-main.ts',
} as const;

export type ServiceName = keyof typeof servicePrograms;

/** A process of the distributed mode, and where its health is told. */
export interface Service extends Child {
  readonly port: number;
}

export interface ServiceOptions extends Pick<ChildOptions, 'outputMax' | 'stopDeadlineMs'> {
  /** All of its environment, but for the port. */
  readonly env: NodeJS.ProcessEnv;
  readonly nodeArgs?: readonly string[];
  /** The tree that it is started from; absent: this one. */
  readonly root?: string;
}

/** What each of them logs when it is ready. */
const ready = { line: /is listening|is taking jobs|is booking|is running batches/ };
const ownRoot = path.resolve(import.meta.dirname, '../..');

/** Starts a service on a free port, and resolves when it is ready. */
export async function openService(
  name: ServiceName,
  { env, nodeArgs = [], root = ownRoot, ...options }: ServiceOptions,
): Promise<Service> {
  const port = await freePort();
  const child = await openChild({
    command: process.execPath,
    args: [...nodeArgs, servicePrograms[name]],
    cwd: root,
    env: { ...env, PORT: String(port) },
    ready,
    readyDeadlineMs: 60_000,
    ...options,
  });
  return Object.assign(child, { port });
}
