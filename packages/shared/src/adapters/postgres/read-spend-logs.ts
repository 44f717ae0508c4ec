import { z } from 'zod';
import type { SpendLogFilter, SpendLogPage, SpendLogQuery, SpendLogSort } from '../../ports/spend-reports.ts';
import type { Sql } from '../../ports/sql.ts';
import { SpendRowRecord } from './spend-row-record.ts';
import { toSpendRow } from './to-spend-row.ts';

/**
 * Two questions: which rows, from as few columns as it takes, and then these rows whole.
 *
 * @see SpendReports.logs
 */
export async function readSpendLogs(sql: Sql, query: SpendLogQuery): Promise<SpendLogPage> {
  const { text, values } = logStatement(query);
  const { looked_at: lookedAt, total, page } = Found.parse((await sql.query(text, values)).rows[0]);
  const { rows } = await sql.query(
    `select report.*
     from unnest($1::timestamptz[], $2::text[]) with ordinality as asked (admitted_at, call_id, place)
     join ledger.spend_row_report as report using (admitted_at, call_id)
     order by place`,
    [page.map(([admittedAt]) => admittedAt), page.map(([, callId]) => callId)],
  );
  return {
    rows: z.array(SpendRowRecord).parse(rows).map(toSpendRow),
    total,
    complete: lookedAt < query.lookAtMax,
  };
}

const Found = z.object({
  looked_at: z.int(),
  total: z.int(),
  page: z.array(z.tuple([z.string(), z.string()])),
});

function logStatement(query: SpendLogQuery): { text: string; values: unknown[] } {
  const { from, to, where, sortBy, descending, limit, offset, lookAtMax } = query;
  const values: unknown[] = [new Date(from), new Date(to), lookAtMax, limit, offset];
  const asked = filterNames.flatMap((name) => {
    const [filter, value] = [filters[name], where[name]];
    return value === undefined ? [] : [{ ...filter, text: filter.is(`$${values.push(value)}`) }];
  });
  const conditions = (indexed: boolean) =>
    asked.filter((filter) => (filter.indexed ?? false) === indexed).map(({ text }) => ` and ${text}`);
  const columns = new Set(['started_at', ...sorts[sortBy].columns, ...asked.flatMap((filter) => filter.columns)]);
  const direction = descending ? 'desc' : 'asc';
  const nearEnd = sortBy === 'startTime' ? direction : 'desc';
  return {
    text: `with recent as materialized (
         select admitted_at, call_id, ${[...columns].join(', ')}
         from ledger.spend_row_report
         where started_at >= $1 and started_at < $2${conditions(true).join('')}
         order by started_at ${nearEnd}
         limit $3
       ),
       matching as materialized (select * from recent where true${conditions(false).join('')})
       select (select count(*) from recent)::int as looked_at, (select count(*) from matching)::int as total,
         array(
           select array[admitted_at::text, call_id] from matching
           order by ${sorts[sortBy].by} ${direction} nulls last, started_at ${nearEnd}, call_id ${nearEnd}
           limit $4 offset $5
         ) as page`,
    values,
  };
}

interface Column {
  readonly columns: readonly string[];
  readonly is: (bound: string) => string;
  /** Found by an index that has the start time as well. */
  readonly indexed?: true;
}

function equal(column: string): Column {
  return { columns: [column], is: (bound) => `${column} = ${bound}` };
}

const filters: Readonly<Record<keyof SpendLogFilter, Column>> = {
  keyHash: { ...equal('key_hash'), indexed: true },
  userId: { ...equal('user_id'), indexed: true },
  teamId: { ...equal('team_id'), indexed: true },
  requestId: { ...equal('request_id'), indexed: true },
  model: equal('model'),
  deploymentId: equal('deployment_id'),
  alias: equal('alias'),
  keyAlias: equal('key_alias'),
  customer: equal('end_user'),
  status: { columns: ['outcome'], is: (bound) => `(outcome = 'completed') = (${bound}::text = 'success')` },
  errorCode: {
    columns: ['error_code', 'error_status'],
    is: (bound) => `${bound}::text in (error_code, error_status::text)`,
  },
  errorMessagePart: { columns: ['error_message'], is: (bound) => `position(${bound}::text in error_message) > 0` },
  sessionIdPart: { columns: ['session_id'], is: (bound) => `position(${bound}::text in session_id) > 0` },
  minSpendUsd: { columns: ['cost_nano_usd'], is: (bound) => `cost_nano_usd >= ${bound}::numeric * 1000000000` },
  maxSpendUsd: { columns: ['cost_nano_usd'], is: (bound) => `cost_nano_usd <= ${bound}::numeric * 1000000000` },
};

const filterNames = [
  ...(['keyHash', 'userId', 'teamId', 'requestId', 'model', 'deploymentId', 'alias', 'keyAlias', 'customer'] as const),
  ...(['status', 'errorCode', 'errorMessagePart', 'sessionIdPart', 'minSpendUsd', 'maxSpendUsd'] as const),
];

const sorts: Readonly<Record<SpendLogSort, { readonly columns: readonly string[]; readonly by: string }>> = {
  spend: { columns: ['cost_nano_usd'], by: 'cost_nano_usd' },
  totalTokens: { columns: ['input_tokens', 'output_tokens'], by: '(input_tokens + output_tokens)' },
  startTime: { columns: [], by: 'started_at' },
  endTime: { columns: ['ended_at'], by: 'ended_at' },
  durationMs: { columns: ['ended_at'], by: '(ended_at - started_at)' },
  model: { columns: ['model'], by: 'model' },
  timeToFirstToken: { columns: ['first_token_at'], by: '(first_token_at - started_at)' },
};
