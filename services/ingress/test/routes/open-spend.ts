import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { bookUsage } from '../../../ledger/src/sql/book-usage.ts';
import { usageEvent } from '../../../ledger/test/usage-events.ts';
import { openTestDatabase } from '../../../../test/servers/test-database.ts';
import { hashOf } from '../../src/auth/hash-key.ts';
import { now, openManagement, type Management } from './open-management.ts';

const dayMs = 86_400_000;

/** A call as these tests tell of it; what is not said is as `usageEvent` has it. */
export interface Call {
  /** Before today, and a time of day; 0: now. */
  readonly daysAgo?: number;
  readonly nanoUsd?: number;
  /** Raw, or as the books name it. */
  readonly key?: string;
  readonly keyAlias?: string;
  readonly user?: string | null;
  readonly team?: string | null;
  readonly organization?: string | null;
  readonly customer?: string;
  readonly tags?: readonly string[];
  readonly alias?: string;
  readonly model?: string;
  readonly provider?: string;
  readonly session?: string;
  /** A failure with this code, which costs nothing. */
  readonly error?: { readonly code: string; readonly status: number; readonly message?: string };
  readonly durationMs?: number;
  readonly firstTokenMs?: number;
  readonly tokens?: { readonly input: number; readonly output: number; readonly cached?: number };
}

export interface Spending extends Management {
  readonly sql: SqlPool;
  /** Books calls in order, each a second later than the one before, and returns the events. */
  book(...calls: readonly Call[]): Promise<readonly UsageEvent[]>;
}

/** The management and spend routes on real books, which a test fills. */
export async function openSpending(): Promise<Spending> {
  await using opening = new AsyncDisposableStack();
  const { url } = opening.use(await openTestDatabase([schemas.ingress, schemas.ledger]));
  const sql = opening.use(await openPostgres({ url, applicationName: 'spend test' }));
  const management = opening.use(await openManagement(sql, createPostgresSpendReports(sql)));
  let booked = 0;
  const opened = opening.move();
  return {
    ...management,
    sql,
    async book(...calls) {
      const events = calls.map((call) => eventOf((booked += 1), call));
      await bookUsage(sql, events);
      return events;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function eventOf(n: number, call: Call): UsageEvent {
  const plain = usageEvent(n);
  const startedAt = now - 3_600_000 + n * 1_000 - (call.daysAgo ?? 0) * dayMs;
  const keyHash = hashOf(call.key ?? 'sk-one');
  const { input = 0, output = 0, cached = 0 } = call.tokens ?? {};
  const model = call.model ?? plain.model;
  return {
    ...plain,
    outcome: call.error ? 'failed' : 'completed',
    usage: { inputTokens: input, outputTokens: output, cachedInputTokens: cached, reasoningTokens: 0 },
    costCeilingNanoUsd: call.nanoUsd ?? 0,
    accounts: [{ id: `key:${keyHash}`, windowStart: 0 }],
    caller: {
      ...plain.caller,
      keyHash,
      keyAlias: call.keyAlias ?? null,
      userId: call.user ?? null,
      teamId: call.team ?? null,
      organizationId: call.organization ?? null,
    },
    origin: {
      ...plain.origin,
      endUser: call.customer ?? null,
      sessionId: call.session ?? null,
      tags: [...(call.tags ?? [])],
    },
    alias: call.alias ?? plain.alias,
    model,
    provider: model === '' ? null : (call.provider ?? 'oci'),
    deploymentId: model === '' ? null : plain.deploymentId,
    apiBase: model === '' ? null : plain.apiBase,
    error: call.error ? { message: 'It failed.', ...call.error } : null,
    admittedAt: startedAt - 3,
    startedAt,
    firstTokenAt: startedAt + (call.firstTokenMs ?? 100),
    endedAt: startedAt + (call.durationMs ?? 500),
  };
}
