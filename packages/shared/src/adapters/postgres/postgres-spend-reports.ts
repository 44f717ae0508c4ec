import { z } from 'zod';
import { accountKey } from '../../contracts/account.ts';
import { DayReconciliation, StandingReconciliation } from '../../contracts/reconciliation.ts';
import { CallId, requestIdOf } from '../../ids.ts';
import type { Balance } from '../../ports/admission.ts';
import type { SpendReports } from '../../ports/spend-reports.ts';
import type { SqlPool } from '../../ports/sql.ts';
import { dayOf } from './day-of.ts';
import { eachUsage } from './each-usage.ts';
import { readSpendLogs } from './read-spend-logs.ts';
import { readUsage } from './read-usage.ts';
import { SpendRowRecord } from './spend-row-record.ts';
import { toSpendRow } from './to-spend-row.ts';

export interface SpendReportsOptions {
  /** For a question that rows have to answer because no sums do, where the asker can wait. */
  readonly rowsTimeoutMs?: number;
}

/** Reports from the views that the ledger publishes; nothing else of its schema is read. */
export function createPostgresSpendReports(
  sql: SqlPool,
  { rowsTimeoutMs = 45_000 }: SpendReportsOptions = {},
): SpendReports {
  return {
    async balancesOf(accounts) {
      const { rows } = await sql.query(
        `select account_id, window_start, settled_nano_usd, version, settled_tokens
         from unnest($1::text[], $2::bigint[]) as asked (account_id, window_start)
         join ledger.balance_report using (account_id, window_start)`,
        [accounts.map(({ id }) => id), accounts.map(({ windowStart }) => windowStart)],
      );
      const booked = new Map(
        z
          .array(BalanceRecord)
          .parse(rows)
          .map((balance) => [accountKey(balance), balance]),
      );
      return accounts.map(
        ({ id, windowStart }) =>
          booked.get(accountKey({ id, windowStart })) ?? {
            id,
            windowStart,
            settledNanoUsd: 0,
            settledTokens: 0,
            version: 0,
          },
      );
    },

    async bookedAmong(callIds) {
      const { rows } = await sql.query(
        `select call_id from ledger.spend_row_report where request_id = any ($1::text[]) and call_id = any ($2::text[])`,
        [[...new Set(callIds.map(requestIdOf))], callIds],
      );
      return z
        .array(z.object({ call_id: CallId }))
        .parse(rows)
        .map((row) => row.call_id);
    },

    async rows({ keyHash, userId, requestId, from, to, limit }) {
      const { rows } = await sql.query(
        `select * from ledger.spend_row_report
         where ($1::text is null or key_hash = $1)
           and ($2::text is null or user_id = $2)
           and ($3::text is null or request_id = $3)
           and ($4::timestamptz is null or started_at >= $4)
           and ($5::timestamptz is null or started_at < $5)
         order by started_at desc, call_id desc
         limit $6`,
        [keyHash ?? null, userId ?? null, requestId ?? null, timestamp(from), timestamp(to), limit],
      );
      return z.array(SpendRowRecord).parse(rows).map(toSpendRow).toReversed();
    },

    usage: (query) => readUsage(sql, query),

    eachUsage: (query, read) => eachUsage(sql, query, read, { rowsTimeoutMs }),

    logs: (query) => readSpendLogs(sql, query),

    async names({ of, after = '', limit }) {
      const { rows } = await sql.query(
        // From name to name in the index: as many steps as there are names, however many sums each has.
        `with recursive named as (
           (select ${of} as name from ledger.daily_${of}_usage_report where ${of} > $1 order by ${of} limit 1)
           union all
           select (select ${of} from ledger.daily_${of}_usage_report where ${of} > named.name order by ${of} limit 1)
           from named
           where named.name is not null
         )
         select name from named where name is not null limit $2`,
        [after, limit],
      );
      return z
        .array(z.object({ name: z.string() }))
        .parse(rows)
        .map(({ name }) => name);
    },

    async errors({ from, to, limit }) {
      const { rows } = await sql.query(
        `select day::text, error_code as "errorCode", alias, model, provider, deployment_id as "deploymentId",
           api_base as "apiBase", requests
         from ledger.daily_error_report
         where day >= $1::date and day < $2::date
         order by day, alias, model, deployment_id, error_code, provider, api_base
         limit $3`,
        [dayOf(from), dayOf(to), limit],
      );
      return z.array(DailyErrorsRecord).parse(rows);
    },

    async reconciliations({ from, to }) {
      const { rows } = await sql.query(
        `select day, to_char(checked_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as checked_at, report
         from ledger.reconciliation_report
         where day = '' or (day >= $1 and day < $2)
         order by day`,
        [dayOf(from), dayOf(to)],
      );
      const records = z.array(z.object({ day: z.string(), checked_at: z.string(), report: z.unknown() })).parse(rows);
      const last = records.find(({ day }) => day === '');
      const { rows: unseen } = await sql.query(
        `select distinct to_char(day, 'YYYY-MM-DD') as day from ledger.daily_total_report
         where dimension = 'request-total' and day >= $1::date and day < $2::date
           and to_char(day, 'YYYY-MM-DD') <> all($3)
         order by 1`,
        [dayOf(from), dayOf(to), records.map(({ day }) => day)],
      );
      return {
        days: records
          .filter(({ day }) => day !== '')
          .map((row) => ({ ...DayReconciliation.parse(row.report), checkedAt: row.checked_at })),
        unseen: z
          .array(z.object({ day: z.string() }))
          .parse(unseen)
          .map(({ day }) => day),
        standing:
          last === undefined ? null : { ...StandingReconciliation.parse(last.report), checkedAt: last.checked_at },
      };
    },
  };
}

const DailyErrorsRecord = z.object({
  day: z.string(),
  errorCode: z.string(),
  alias: z.string(),
  model: z.string(),
  provider: z.string(),
  deploymentId: z.string(),
  apiBase: z.string(),
  requests: z.string().transform(Number),
});

const BalanceRecord = z
  .object({
    account_id: z.string(),
    window_start: z.string(),
    settled_nano_usd: z.string(),
    settled_tokens: z.string(),
    version: z.string(),
  })
  .transform((row): Balance => ({
    id: row.account_id,
    windowStart: Number(row.window_start),
    settledNanoUsd: sumOf(row.settled_nano_usd),
    settledTokens: sumOf(row.settled_tokens),
    version: Number(row.version),
  }));

/** A sum that no number holds is above every budget there can be, and so is this one. */
function sumOf(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

function timestamp(epochMs: number | undefined): string | null {
  return epochMs === undefined ? null : new Date(epochMs).toISOString();
}
