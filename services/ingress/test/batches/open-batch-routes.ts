import express from 'express';
import { bytes } from '../../src/http/read-bytes.ts';
import { batchRoutes } from '../../src/routes/openai/batches/batch-routes.ts';
import type { BatchesDeps } from '../../src/routes/openai/batches/batches-deps.ts';
import type { VirtualKey } from '../../src/tenancy/virtual-key.ts';
import { authenticateOf } from '../auth/authenticate-of.ts';
import { serveApp } from '../routes/serve-app.ts';
import type { Answer } from '../routes/serve-app.ts';
import type { Batches } from './open-batches.ts';

export interface BatchRoutes extends AsyncDisposable {
  /** `POST /v1/batches`, with a key of the team `a` unless another is named. */
  ask(what: string, options?: { readonly body?: unknown; readonly key?: string }): Promise<Answer>;
}

const keys: Readonly<Record<string, Partial<VirtualKey>>> = {
  'sk-a': { teamId: 'a' },
  'sk-a-too': { teamId: 'a' },
  'sk-b': { teamId: 'b' },
  'sk-alone': {},
  'sk-chats': { teamId: 'a', allowedRoutes: ['/v1/batches', '/v1/chat/completions'] },
};

/** The routes of batches over HTTP, on a database of the test's own. */
export async function openBatchRoutes(
  { sql, files }: Batches,
  { maxUnfinished = 1_000, now = Date.now }: { maxUnfinished?: number; now?: BatchesDeps['now'] } = {},
): Promise<BatchRoutes> {
  const authenticate = authenticateOf(keys);
  const app = express().use(bytes(1024 * 1024));
  for (const { method, path, handler } of batchRoutes({ authenticate, sql, files, settings: { maxUnfinished }, now })) {
    app[method](`/v1${path}`, handler);
  }
  const routes = await serveApp(app);
  return {
    ...routes,
    ask(what, { body, key = 'sk-a' } = {}) {
      const [method = '', path = ''] = what.split(' ');
      return routes.ask(path, key, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
    },
  };
}
