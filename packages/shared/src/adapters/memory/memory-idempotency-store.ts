import { claimLeaseMs, keptForMs } from '../../ports/idempotency-store.ts';
import type { Begun, IdempotencyStore } from '../../ports/idempotency-store.ts';
import { decodeKeptAnswer, encodeKeptAnswer } from '../kept-answer-bytes.ts';

interface IdempotencyRecord {
  readonly fingerprint: string;
  readonly requestId: string;
  state: 'claimed' | 'queued' | 'finished';
  deadlineAt: number | null;
  answer: Buffer | null;
  expiresAt: number;
}

export interface MemoryIdempotencyOptions {
  readonly keptForMs?: number;
  readonly claimLeaseMs?: number;
  /** Above it the records that ran longest ago are dropped before their time. */
  readonly recordsMax?: number;
  /** Of all answers, compressed. Above it the oldest can no longer be given again; their records stay. */
  readonly answerBytesMax?: number;
}

/** The idempotency store of one process: it ends with the process. The same bytes as in Redis, by the same rules. */
export function createMemoryIdempotencyStore(options: MemoryIdempotencyOptions = {}): IdempotencyStore {
  const { recordsMax = 100_000, answerBytesMax = 64 * 1024 * 1024 } = options;
  const lifetimeMs = options.keptForMs ?? keptForMs;
  const leaseMs = options.claimLeaseMs ?? claimLeaseMs;
  /** Those that were claimed or queued longest ago come first. */
  const records = new Map<string, IdempotencyRecord>();
  /** The scopes of records with an answer, oldest first. */
  const answered = new Map<string, IdempotencyRecord>();
  let answerBytes = 0;

  return {
    async begin({ scope, requestId }, fingerprint): Promise<Begun> {
      const known = at(scope);
      if (!known) {
        const expiresAt = Date.now() + leaseMs;
        put(scope, { fingerprint, requestId, state: 'claimed', deadlineAt: null, answer: null, expiresAt });
        return { type: 'claimed' };
      }
      if (known.fingerprint !== fingerprint) return { type: 'other-body', requestId: known.requestId };
      if (known.state === 'finished') {
        const answer = known.answer && (await decodeKeptAnswer(known.answer));
        return { type: 'finished', requestId: known.requestId, answer };
      }
      if (known.state === 'claimed' && known.requestId === requestId) {
        known.expiresAt = Date.now() + leaseMs;
        return { type: 'claimed' };
      }
      return { type: 'running', requestId: known.requestId, deadlineAt: known.deadlineAt };
    },
    async queue(claim, deadlineAt) {
      const record = own(claim);
      if (!record || record.state === 'finished') return false;
      put(claim.scope, { ...record, state: 'queued', deadlineAt, expiresAt: Date.now() + lifetimeMs });
      return true;
    },
    async finish(claim, answer) {
      const bytes = answer && (await encodeKeptAnswer(answer));
      const record = own(claim);
      if (record?.state !== 'queued') return;
      Object.assign(record, { state: 'finished', answer: bytes, expiresAt: Date.now() + lifetimeMs });
      if (bytes) keep(claim.scope, record, bytes);
    },
    async forget(claim) {
      if (own(claim)?.state !== 'finished') drop(claim.scope, own(claim));
    },
    async discard(finished) {
      if (own(finished)?.state === 'finished') drop(finished.scope, own(finished));
    },
  };

  function at(scope: string): IdempotencyRecord | undefined {
    const record = records.get(scope);
    if (!record || record.expiresAt > Date.now()) return record;
    drop(scope, record);
    return undefined;
  }

  function own({ scope, requestId }: { scope: string; requestId: string }): IdempotencyRecord | undefined {
    const record = at(scope);
    return record?.requestId === requestId ? record : undefined;
  }

  function put(scope: string, record: IdempotencyRecord): void {
    records.delete(scope); // so that the oldest stay first
    records.set(scope, record);
    for (const [oldest, { expiresAt }] of records) {
      if (records.size <= recordsMax && expiresAt > Date.now()) break;
      drop(oldest, records.get(oldest));
    }
  }

  function keep(scope: string, record: IdempotencyRecord, bytes: Buffer): void {
    answered.set(scope, record);
    answerBytes += bytes.byteLength;
    for (const [oldest, { answer }] of answered) {
      if (answerBytes <= answerBytesMax) break;
      answerBytes -= answer?.byteLength ?? 0;
      answered.delete(oldest);
      const forgotten = records.get(oldest);
      if (forgotten) forgotten.answer = null;
    }
  }

  function drop(scope: string, record: IdempotencyRecord | undefined): void {
    if (!record) return;
    records.delete(scope);
    if (answered.delete(scope)) answerBytes -= record.answer?.byteLength ?? 0;
  }
}
