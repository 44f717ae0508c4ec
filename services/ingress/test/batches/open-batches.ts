import assert from 'node:assert/strict';
import { createPostgresFileStore } from '@sluice/shared/adapters/postgres/postgres-file-store.ts';
import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { load } from '../../../../packages/shared/test/config/sample-config.ts';
import { createAuthenticate } from '../../src/auth/create-authenticate.ts';
import type { Authenticated } from '../../src/auth/authenticated.ts';
import type { Batch, NewBatch } from '../../src/batches/batch.ts';
import { batchOf } from '../../src/batches/sql/batch-row.ts';
import { insertBatch } from '../../src/batches/sql/insert-batch.ts';
import { validateBatch } from '../../src/batches/validate-batch.ts';
import type { ValidateDeps } from '../../src/batches/validate-batch.ts';
import { filesIn } from '../../src/files/files.ts';
import type { Files } from '../../src/files/files.ts';
import type { Principal } from '../../src/tenancy/principal.ts';
import { principalOf, virtualKey } from '../auth/virtual-keys.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { newBatch } from './sample-batch.ts';

export interface Batches extends AsyncDisposable {
  readonly sql: SqlPool;
  readonly files: Files;
  /** Stores a file of the owner `team:a`. @returns its id */
  upload(file: string | Uint8Array): Promise<string>;
  /** A batch of the owner's, claimed by a runner. */
  claimed(fileId: string, changes?: Partial<NewBatch>): Promise<Batch>;
  read(batchId: string): Promise<Batch>;
  /** `[line, custom_id]` of what is stored of a batch. */
  lines(batchId: string): Promise<unknown[]>;
}

/** Batches and files in a PostgreSQL of the test's own. */
export async function openBatches(): Promise<Batches> {
  const sql = await openKeysDatabase();
  const files = filesIn(sql, createPostgresFileStore(sql));
  let made = 0;
  return {
    sql,
    files,
    async upload(file) {
      const bytes = Buffer.from(file);
      const pieces = (async function* () {
        for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
      })();
      const { fileId } = await files.create('team:a', pieces, () => ({
        filename: 'requests.jsonl',
        purpose: 'batch',
        expiresAfterSeconds: null,
      }));
      return fileId;
    },
    async claimed(inputFileId, changes = {}) {
      made += 1;
      const batch = newBatch(made, { inputFileId, ...changes });
      assert.ok(await sql.transaction((tx) => insertBatch(tx, batch, 1_000)));
      const { rows } = await sql.query(
        `update ingress.batches set lease_epoch = lease_epoch + 1 where batch_id = $1 returning *`,
        [batch.batchId],
      );
      return batchOf(rows[0]);
    },
    async read(batchId) {
      const { rows } = await sql.query('select * from ingress.batches where batch_id = $1', [batchId]);
      return batchOf(rows[0]);
    },
    async lines(batchId) {
      const { rows } = await sql.query(
        `select jsonb_build_array(line, custom_id) as line from ingress.batch_lines where batch_id = $1 order by line`,
        [batchId],
      );
      return rows.map((row) => (typeof row === 'object' && row !== null && 'line' in row ? row.line : null));
    },
    [Symbol.asyncDispose]: () => sql[Symbol.asyncDispose](),
  };
}

const models = [
  ['grok', 'oci/xai.grok-4'],
  ['llama', 'oci/meta.llama-3.3-70b-instruct'],
  ['embedder', 'oci/cohere.embed-v4.0'],
  ['reranker', 'oci/cohere.rerank.v3-5'],
  ['guard', 'oci/guardrails'],
];

/** A configuration with a model of each kind, and two for chats. */
export async function batchConfig(
  batch: Record<string, unknown> = {},
  general_settings: Record<string, unknown> = {},
): Promise<GatewayConfig> {
  const model_list = models.map(([model_name, model]) => ({
    model_name,
    litellm_params: { model, input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
  }));
  const { config, problems } = await load({
    values: {
      model_list,
      general_settings,
      sluice_settings: { batch, max_request_mb: 0.001, default_max_tokens: 100 },
    },
  });
  assert.deepEqual(problems, []);
  assert.ok(config);
  return config;
}

/** Whoever has a key like that; without one, the operator. */
export async function callerWith(set: Partial<Principal> | null): Promise<Authenticated> {
  const key = virtualKey('sk-batch');
  const { authenticate } = createAuthenticate({
    masterKey: 'sk-master',
    findPrincipal: async () => principalOf(key, set ?? {}),
    findKnown: async () => new Set(),
    now: Date.now,
    cache: { freshMs: 1, staleIfErrorMs: 0, maxEntries: 1 },
  });
  return authenticate({
    headers: { authorization: `Bearer ${set === null ? 'sk-master' : 'sk-batch'}` },
    path: '/v1/batches',
  });
}

export interface Validation extends Partial<ValidateDeps> {
  readonly signal?: AbortSignal;
}

/** Checks a claimed batch as a runner does; of the operator, if nothing else is said. */
export async function validate({ sql, files }: Batches, batch: Batch, with_: Validation = {}): Promise<boolean> {
  const { signal = new AbortController().signal, ...deps } = with_;
  const authenticated = await callerWith(null);
  return validateBatch(
    batch,
    {
      sql,
      files,
      config: await batchConfig(),
      customerOf: async () => null,
      announce: async () => undefined,
      authenticatedOf: async () => authenticated,
      now: Date.now,
      ...deps,
    },
    signal,
  );
}

/** A line of a chat, but for what a test says; undefined leaves a member out. */
export function chatLine(custom_id: unknown, body: Record<string, unknown> = {}, members: object = {}): string {
  const chat = { model: 'grok', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 10, ...body };
  return JSON.stringify({ custom_id, method: 'POST', url: '/v1/chat/completions', body: chat, ...members });
}
