import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import type { Express } from 'express';
import { createApp } from '../../src/app.ts';
import { createAuthenticate } from '../../src/auth/create-authenticate.ts';
import { createReadBytes } from '../../src/http/read-bytes.ts';
import { noAttribution } from '../../src/tenancy/attribution.ts';
import { principalOf, virtualKey } from '../auth/virtual-keys.ts';
import { namesOf } from '../models/sample-models.ts';
import { managementParts, noDatabase } from '../routes/open-management.ts';

export const masterKey = 'the master key of this test';
/** A key that belongs to nobody, so that nothing but models is its business. */
export const bareKey = 'sk-a-key-that-belongs-to-nobody';

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
 */
export async function openApp(): Promise<OpenApp> {
  const config = await loadGatewayConfig({ file: null, values: {}, env: {}, warn: () => undefined });
  const bare = virtualKey(bareKey);
  const { authenticate } = createAuthenticate({
    masterKey,
    findPrincipal: async (hash) => (hash === bare.hash ? principalOf(bare) : null),
    now: Date.now,
    cache: { freshMs: 500, staleIfErrorMs: 0, maxEntries: 10 },
  });
  const management = { ...(await managementParts(noDatabase)), authenticate };
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
