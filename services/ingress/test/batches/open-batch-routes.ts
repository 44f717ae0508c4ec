import { bytes } from '../../src/http/read-bytes.ts';
import { batchRoutes } from '../../src/routes/openai/batches/batch-routes.ts';
import type { BatchesDeps } from '../../src/routes/openai/batches/batches-deps.ts';
import type { VirtualKey } from '../../src/tenancy/virtual-key.ts';
import { assertDocumented } from '../openapi/assert-documented.ts';
import { authenticateOf, serveRoutes } from '../routes/serve-routes.ts';
import type { Batches } from './open-batches.ts';

export interface Answer {
  readonly status: number;
  /** Parsed; for tests to look into. */
  readonly body: any; // oxlint-disable-line typescript/no-explicit-any
}

export interface BatchRoutes extends AsyncDisposable {
  /** `POST /v1/batches`, with a key of the team `a` unless another is named; every answer is held to the document. */
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
  const routes = batchRoutes({ authenticate, sql, files, settings: { maxUnfinished }, now });
  const served = await serveRoutes(routes, { before: [bytes(1024 * 1024)] });
  return {
    async ask(what, { body, key = 'sk-a' } = {}) {
      const [method = '', path = ''] = what.split(' ');
      const response = await fetch(`${served.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${key}` },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const answer = { status: response.status, body: await response.json() };
      assertDocumented({ method, path }, answer);
      return answer;
    },
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}
