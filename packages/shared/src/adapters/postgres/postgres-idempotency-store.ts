import { z } from 'zod';
import { GatewayError } from '../../errors.ts';
import { claimLeaseMs, discardedForMs, keptForMs } from '../../ports/idempotency-store.ts';
import type { Begun, IdempotencyStore } from '../../ports/idempotency-store.ts';
import type { Sql } from '../../ports/sql.ts';
import { decodeKeptAnswer, encodeKeptAnswer } from '../kept-answer-bytes.ts';
import {
  beginSql,
  discardSql,
  finishSql,
  forgetSql,
  isFinishedSql,
  queueSql,
  removeExpiredSql,
} from './postgres-idempotency-sql.ts';

export interface PostgresIdempotencyOptions {
  /** Expired records were not removed. They count as gone; the next request tries again. */
  readonly onError: (error: unknown) => void;
  readonly keptForMs?: number;
  readonly claimLeaseMs?: number;
}

/** A record that another request takes at the same moment is read again; it does not change hands that often. */
const readsMax = 5;
/** Of each step that removes: more than one new record, so that what has expired becomes less. */
const removedAtATime = 64;

const Found = z.object({
  type: z.enum(['claimed', 'other-body', 'finished', 'running']),
  request_id: z.string().nullable(),
  deadline_at: z.coerce.number().nullable(),
  answer: z.instanceof(Buffer).nullable(),
});
type Found = z.infer<typeof Found>;

/**
 * Idempotency records in PostgreSQL, in `ingress.idempotency_records`: each step one statement, by the database's
 * clock. With each request that is queued, some records whose time is over are removed.
 */
export function createPostgresIdempotencyStore(sql: Sql, options: PostgresIdempotencyOptions): IdempotencyStore {
  const lifetimeMs = options.keptForMs ?? keptForMs;
  const leaseMs = options.claimLeaseMs ?? claimLeaseMs;
  let isRemoving = false;

  return {
    async begin({ scope, requestId }, fingerprint) {
      for (let reads = 0; reads < readsMax; reads += 1) {
        const { rows } = await sql.query(beginSql, [scope, fingerprint, requestId, leaseMs]);
        if (rows.length > 0) return begunOf(Found.parse(rows[0]));
      }
      throw new GatewayError('dependency_unavailable', 'The idempotency store is too busy. Try again in a moment.', {
        retryAfterSeconds: 1,
      });
    },
    async queue({ scope, requestId, keptUntil = 0 }, deadlineAt) {
      const keptMs = Math.max(lifetimeMs, keptUntil - Date.now());
      const { rowCount } = await sql.query(queueSql, [scope, requestId, Math.ceil(deadlineAt), keptMs]);
      void removeExpired();
      return rowCount === 1;
    },
    async finish({ scope, requestId }, answer) {
      const bytes = answer && (await encodeKeptAnswer(answer));
      await sql.query(finishSql, [scope, requestId, bytes, lifetimeMs]);
    },
    async isFinished({ scope, requestId }) {
      return (await sql.query(isFinishedSql, [scope, requestId])).rows.length === 1;
    },
    async forget({ scope, requestId }) {
      await sql.query(forgetSql, [scope, requestId]);
    },
    async discard({ scope, requestId }) {
      await sql.query(discardSql, [scope, requestId, discardedForMs]);
    },
  };

  /** Nobody waits for it, and one at a time is enough. */
  async function removeExpired(): Promise<void> {
    if (isRemoving) return;
    isRemoving = true;
    try {
      await sql.query(removeExpiredSql, [removedAtATime]);
    } catch (error) {
      options.onError(error);
    } finally {
      isRemoving = false;
    }
  }
}

async function begunOf({ type, request_id, deadline_at, answer }: Found): Promise<Begun> {
  if (type === 'claimed') return { type };
  const requestId = request_id ?? '';
  switch (type) {
    case 'other-body':
      return { type, requestId };
    case 'running':
      return { type, requestId, deadlineAt: deadline_at };
    case 'finished':
      return { type, requestId, answer: answer && (await decodeKeptAnswer(answer)) };
    default:
      return type satisfies never;
  }
}
