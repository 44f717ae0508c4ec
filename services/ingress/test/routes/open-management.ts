import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { accountKey, type Account } from '@sluice/shared/contracts/account.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import express from 'express';
import { createChanges } from '../../src/audit/changes.ts';
import { createAuthenticate } from '../../src/auth/create-authenticate.ts';
import { newKey } from '../../src/auth/new-key.ts';
import { auditLine, auditLog } from '../../src/routes/management/audit.ts';
import { managementRoutes } from '../../src/routes/management/management-routes.ts';
import { createScopeOf } from '../../src/tenancy/scope.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { spendRoutes } from '../../src/routes/spend/spend-routes.ts';
import { virtualKeysIn } from '../../src/sql/virtual-keys.ts';
import { serveApp } from './serve-app.ts';
import type { Answer, AskInit, ServedApp } from './serve-app.ts';
import { spendParts } from './spend-parts.ts';

export const masterKey = 'the master key of this test';

/** The time in these tests; a Monday. */
export const now = Date.parse('2027-02-01T12:00:00.000Z');

export interface Management extends Omit<ServedApp, 'ask'> {
  get(path: string, options?: { key?: string }): Promise<Answer>;
  post(
    path: string,
    body?: unknown,
    options?: { key?: string; headers?: Readonly<Record<string, string>> },
  ): Promise<Answer>;
  /** `GET /path`, `PATCH /path`, or a path alone for a POST. */
  ask(what: string, body?: unknown, options?: { key?: string }): Promise<Answer>;
  /** The same, and the body of the answer; fails unless that is a 200. */
  ok(what: string, body?: unknown, options?: { key?: string }): Promise<Answer['body']>;
  /** Makes a key and returns it, raw. */
  generate(body?: object): Promise<string>;
  /** What the books say, by `accountKey`. */
  readonly balances: Map<string, number>;
  /** The same in tokens. */
  readonly tokens: Map<string, number>;
}

/** What the management and spend routes are made of, on this database and these books. */
export async function managementParts(
  sql: SqlPool,
  reports: SpendReports = booksOf(new Map(), new Map()),
  config: Readonly<Record<string, unknown>> = {},
) {
  const keys = virtualKeysIn(sql);
  const { authenticate, invalidate, invalidateAll } = createAuthenticate({
    masterKey,
    findPrincipal: keys.findPrincipal,
    findKnown: keys.findMany,
    now: () => now,
    cache: { freshMs: 500, staleIfErrorMs: 3_600_000, maxEntries: 50_000 },
  });
  const { tenancy } = await loadGatewayConfig({ file: null, values: config, env: {}, warn: () => undefined });
  return {
    authenticate,
    sql,
    keys,
    changes: createChanges({ sql, now: () => now }),
    tenancy: tenancyIn(sql),
    scopeOf: createScopeOf(sql),
    windows: tenancy,
    keySettings: tenancy.keys,
    userSettings: tenancy.users,
    proxyBudget: tenancy.proxyBudget,
    defaultCustomerBudgetId: tenancy.customers.budgetId,
    reports,
    now: () => now,
    newKey,
    newId: randomUUID,
    invalidate,
    invalidateTenancy: invalidateAll,
    ...spendParts(sql),
  };
}

/**
 * The management and spend routes over HTTP, on a database and on books that a test makes up.
 *
 * @param config of the gateway, as its file has it
 */
export async function openManagement(
  sql: SqlPool,
  books: Partial<SpendReports> = {},
  config: Readonly<Record<string, unknown>> = {},
): Promise<Management> {
  const balances = new Map<string, number>();
  const tokens = new Map<string, number>();
  const deps = await managementParts(sql, { ...booksOf(balances, tokens), ...books }, config);

  const app = express().use(express.json()).get('/audit', auditLog(deps)).get('/audit/:id', auditLine(deps));
  for (const { method, path, handler } of [...managementRoutes(deps), ...spendRoutes(deps)]) app[method](path, handler);
  const routes = await serveApp(app);
  const call = (path: string, key: string, { headers, ...init }: AskInit) =>
    routes.ask(path, key, { ...init, headers: { 'content-type': 'application/json', ...headers } });
  const management: Management = {
    ...routes,
    balances,
    tokens,
    get: (path, { key = masterKey } = {}) => call(path, key, {}),
    post: (path, body, { key = masterKey, headers = {} } = {}) =>
      call(path, key, { method: 'POST', headers, ...(body !== undefined && { body: JSON.stringify(body) }) }),
    ask(what, body, { key = masterKey } = {}) {
      const [method, path] = what.startsWith('/') ? ['POST', what] : splitAtSpace(what);
      return call(path, key, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
    },
    async ok(what, body, options) {
      const answer = await management.ask(what, body, options);
      assert.equal(answer.status, 200, `${what}: ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    generate: async (body = {}) => (await management.ok('/key/generate', body)).key,
  };
  return management;
}

function splitAtSpace(text: string): [string, string] {
  const at = text.indexOf(' ');
  return [text.slice(0, at), text.slice(at + 1)];
}

/** For refusals that must come before any question to the database. */
export const noDatabase: SqlPool = {
  query: () => Promise.reject(new Error('a query that should not have been')),
  transaction: () => Promise.reject(new Error('a transaction that should not have been')),
};

function booksOf(balances: ReadonlyMap<string, number>, tokens: ReadonlyMap<string, number>): SpendReports {
  const balanceOf = (account: Account) => ({
    ...account,
    settledNanoUsd: balances.get(accountKey(account)) ?? 0,
    settledTokens: tokens.get(accountKey(account)) ?? 0,
    version: 1,
  });
  return {
    balancesOf: async (accounts) => accounts.map(balanceOf),
    bookedAmong: async () => [],
    rows: async () => [],
    reconciliations: async () => ({ days: [], unseen: [], standing: null }),
    usage: async () => [],
    eachUsage: async () => undefined,
    logs: async () => ({ rows: [], total: 0, complete: true }),
    names: async () => [],
    errors: async () => [],
  };
}
