import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Express } from 'express';
import { createApp } from '../../src/app.ts';
import { createAuthenticate, type Authenticate } from '../../src/auth/create-authenticate.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { createReadBytes } from '../../src/http/read-bytes.ts';
import { noAttribution } from '../../src/tenancy/attribution.ts';
import { principalOf, virtualKey } from '../auth/virtual-keys.ts';
import { namesOf } from '../models/sample-models.ts';
import { managementParts, noDatabase } from '../routes/open-management.ts';

export const masterKey = 'the master key of this test';
/** A key that belongs to nobody, so that nothing but models is its business. */
export const bareKey = 'sk-a-key-that-belongs-to-nobody';
/** A key that may be used for nothing that there is. */
export const limitedKey = 'sk-a-key-for-other-routes';
/** A key that the database cannot be asked about. */
export const awayKey = 'sk-a-key-while-the-database-is-away';
/** A key at which a step of the gateway breaks. */
export const brokenKey = 'sk-a-key-that-finds-a-bug';

/** Bytes of a body for inference here; that of management routes is the app's own. */
export const inferenceBytesMax = 64 * 1024;

/** Of a file. */
export const fileBytesMax = 64 * 1024;

export interface OpenApp extends AsyncDisposable {
  readonly app: Express;
  ask(method: string, path: string, init?: { key?: string; body?: string }): Promise<Response>;
}

/**
 * The whole app over HTTP, with all that its routes need to read a request; without a database, and without the steps
 * of inference after the reading: what gets so far ends as an internal error.
 *
 * @param options.now by which wrong keys are counted
 * @param options.sql of the management routes
 */
export async function openApp({ now = Date.now, sql = noDatabase } = {}): Promise<OpenApp> {
  const config = await loadGatewayConfig({ file: null, values: {}, env: {}, warn: () => undefined });
  const known = new Map(
    [virtualKey(bareKey), virtualKey(limitedKey, { allowedRoutes: ['/elsewhere'] })].map((key) => [key.hash, key]),
  );
  const ofKeys = createAuthenticate({
    masterKey,
    findPrincipal: async (hash) => {
      if (hash === hashKey(awayKey)) throw new GatewayError('dependency_unavailable', 'The database is away.');
      const key = known.get(hash);
      return key === undefined ? null : principalOf(key);
    },
    findKnown: async () => known,
    now,
    cache: { freshMs: 500, staleIfErrorMs: 0, maxEntries: 10 },
  });
  const authenticate: Authenticate = async (request) => {
    if (request.headers.authorization === `Bearer ${brokenKey}`) throw new Error('a bug');
    return ofKeys.authenticate(request);
  };
  const management = { ...(await managementParts(sql)), authenticate };
  const app = createApp({
    inference: {
      authenticate,
      config,
      version: '1.2.3',
      metrics: { waiting: ignored, request: ignored, firstByte: ignored, softBudgetReached: ignored },
      now: Date.now,
      newId: randomUUID,
      readBytes: createReadBytes(inferenceBytesMax),
      customerOf: async () => null,
      attribute: async () => noAttribution,
      claimKey: beyondReading,
      requireTurn: beyondReading,
      admit: beyondReading,
      dispatch: beyondReading,
      recordRefusal: () => undefined,
      softBudgets: { ended: beyondReading },
    },
    models: {
      authenticate,
      names: namesOf({}),
      knownModels: async () => new Map(),
      prices: management.prices,
      now: Date.now,
    },
    files: {
      authenticate,
      files: {
        create: beyondReading,
        requireRoom: async () => ({ bytes: Infinity, files: Infinity }),
        find: beyondReading,
        list: beyondReading,
        read: beyondReading,
        delete: beyondReading,
      },
      maxBytes: fileBytesMax,
    },
    batches: {
      authenticate,
      sql: noDatabase,
      files: { find: beyondReading, requireRoom: beyondReading },
      settings: { maxUnfinished: 1 },
      now: Date.now,
    },
    management,
    audit: management,
    spend: management,
    health: {
      isDraining: () => false,
      check: async () => ({ ready: true, parts: {} }),
      metrics: async () => '',
      requireMetricsAccess: async () => undefined,
    },
    trustedProxies: [],
    allowedIps: null,
    onError: ignored,
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    app,
    ask: (method, path, { key, body } = {}) =>
      fetch(`http://127.0.0.1:${address.port}${path}`, {
        method,
        headers: { ...(key !== undefined && { authorization: `Bearer ${key}` }), 'content-type': 'application/json' },
        ...(body !== undefined && { body }),
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const ignored = () => undefined;

function beyondReading(): never {
  throw new Error('a step beyond the reading of a request');
}
