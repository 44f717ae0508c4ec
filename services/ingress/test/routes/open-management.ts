import assert from 'node:assert/strict';
import { once } from 'node:events';
import { accountKey, type Account } from '@sluice/shared/contracts/account.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import express, { type ErrorRequestHandler } from 'express';
import { createAuthenticate } from '../../src/auth/create-authenticate.ts';
import { newKey } from '../../src/auth/new-key.ts';
import { toErrorResponse } from '../../src/http/error-response.ts';
import { keyBlock } from '../../src/routes/management/key-block.ts';
import { keyDelete } from '../../src/routes/management/key-delete.ts';
import { keyGenerate } from '../../src/routes/management/key-generate.ts';
import { keyInfo } from '../../src/routes/management/key-info.ts';
import { keyList } from '../../src/routes/management/key-list.ts';
import { keyUnblock } from '../../src/routes/management/key-unblock.ts';
import { keyUpdate } from '../../src/routes/management/key-update.ts';
import { spendRoutes } from '../../src/routes/spend/spend-routes.ts';
import { virtualKeysIn } from '../../src/sql/virtual-keys.ts';
import { spendParts } from './spend-parts.ts';

export const masterKey = 'the master key of this test';

/** The time in these tests; a Monday. */
export const now = Date.parse('2027-02-01T12:00:00.000Z');

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed; for tests to look into. */
  readonly body: any; // oxlint-disable-line typescript/no-explicit-any
}

export interface Management extends AsyncDisposable {
  readonly url: string;
  get(path: string, options?: { key?: string }): Promise<Answer>;
  post(path: string, body?: unknown, options?: { key?: string }): Promise<Answer>;
  /** Makes a key and returns it, raw. */
  generate(body?: object): Promise<string>;
  /** What the books say, by `accountKey`. */
  readonly balances: Map<string, number>;
}

/** The management and spend routes over HTTP, on a database and on books that a test makes up. */
export async function openManagement(sql: Sql, books: Partial<SpendReports> = {}): Promise<Management> {
  const balances = new Map<string, number>();
  const keys = virtualKeysIn(sql);
  const { authenticate, invalidate } = createAuthenticate({
    masterKey,
    findVirtualKey: keys.find,
    now: () => now,
    cache: { freshMs: 500, staleIfErrorMs: 3_600_000, maxEntries: 50_000 },
  });
  const deps = {
    authenticate,
    keys,
    reports: { ...booksOf(balances), ...books },
    now: () => now,
    newKey,
    invalidate,
    ...spendParts(sql),
  };

  const app = express()
    .use(express.json())
    .post('/key/generate', keyGenerate(deps))
    .get('/key/info', keyInfo(deps))
    .post('/key/update', keyUpdate(deps))
    .post('/key/delete', keyDelete(deps))
    .get('/key/list', keyList(deps))
    .post('/key/block', keyBlock(deps))
    .post('/key/unblock', keyUnblock(deps));
  for (const { method, path, handler } of spendRoutes(deps)) app[method](path, handler);
  app.use(sendError);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);

  const call = async (path: string, key: string, init: RequestInit): Promise<Answer> => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const response = await fetch(`http://127.0.0.1:${address.port}${path}`, { ...init, headers });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  const management: Management = {
    url: `http://127.0.0.1:${address.port}`,
    balances,
    get: (path, { key = masterKey } = {}) => call(path, key, {}),
    post: (path, body, { key = masterKey } = {}) =>
      call(path, key, { method: 'POST', ...(body !== undefined && { body: JSON.stringify(body) }) }),
    async generate(body = {}) {
      const answer = await management.post('/key/generate', body);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer.body.key;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return management;
}

/** For refusals that must come before any question to the database. */
export const noDatabase: Sql = { query: () => Promise.reject(new Error('a query that should not have been')) };

function booksOf(balances: ReadonlyMap<string, number>): SpendReports {
  const balanceOf = (account: Account) => ({
    ...account,
    settledNanoUsd: balances.get(accountKey(account)) ?? 0,
    version: 1,
  });
  return {
    balancesOf: async (accounts) => accounts.map(balanceOf),
    rows: async () => [],
    byKey: async () => [],
    byModel: async () => [],
    daily: async () => [],
    usage: async () => [],
    eachUsage: async () => undefined,
    logs: async () => ({ rows: [], total: 0, complete: true }),
    names: async () => [],
    errors: async () => [],
  };
}

const sendError: ErrorRequestHandler = (error, _req, res, _next) => {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { status, body, headers } = toErrorResponse(error);
  res.status(status).set(headers).json(body);
};
