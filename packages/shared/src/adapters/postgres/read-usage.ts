import { z } from 'zod';
import type { UsageField, UsageFilter, UsageMeasures, UsageQuery, UsageSum } from '../../ports/spend-reports.ts';
import type { Sql } from '../../ports/sql.ts';
import { dayOf } from './day-of.ts';

/** Sums of the ledger's daily sums. @see SpendReports.usage */
export async function readUsage<const Field extends UsageField>(
  sql: Sql,
  { of, from, to, by, where = {}, except = {}, order, limit, offset = 0 }: UsageQuery<Field>,
): Promise<readonly UsageSum<Field>[]> {
  const asked = usageFields.filter((field) => by.some((one) => one === field) || field in where || field in except);
  // The same sums, of far fewer rows.
  const isTotal = asked.every((field) => field === 'day' || field === 'name');
  const view = isTotal ? `(select * from ledger.daily_total_report where dimension = '${of}-total')` : views[of];
  const values: unknown[] = [dayOf(from), dayOf(to), limit, offset];
  const columnOf = (field: UsageField) => (isTotal && field === 'name' ? 'report.name' : columns[of][field]);
  const conditions = (filter: UsageFilter, compare: (column: string, bound: string) => string) =>
    usageFields
      .filter((field) => filter[field] !== undefined)
      .map((field) => compare(columnOf(field), `$${values.push(filter[field])}`));
  const groups = by.map(columnOf);
  const sorted = order === 'spend' ? ['sum(spend_nano_usd) desc', ...groups] : groups;
  const { rows } = await sql.query(
    `select ${[...by.map((field) => `${columnOf(field)}::text as "${field}"`), ...sums].join(', ')}
     from ${view} as report
     where ${[
       'day >= $1::date',
       'day < $2::date',
       ...conditions(where, (column, bound) => `${column} = any(${bound})`),
       ...conditions(except, (column, bound) => `${column} <> all(${bound})`),
     ].join(' and ')}
     ${groups.length === 0 ? '' : `group by ${groups.join(', ')} order by ${sorted.join(', ')}`}
     limit $3 offset $4`,
    values,
  );
  return z
    .array(Measures)
    .parse(rows)
    .map((row) => withFields(row, by));
}

const common = {
  day: 'report.day',
  keyHash: 'report.key_hash',
  userId: 'report.user_id',
  teamId: 'report.team_id',
  organizationId: 'report.organization_id',
  model: 'report.model',
  alias: 'report.alias',
  provider: 'report.provider',
  callType: 'report.call_type',
} as const;

const usageFields: readonly UsageField[] = [
  'name',
  'day',
  'keyHash',
  'userId',
  'teamId',
  'organizationId',
  'model',
  'alias',
  'provider',
  'callType',
];

/** Nothing of a query but these names is ever part of a statement's text. */
const views = {
  request: 'ledger.daily_usage_report',
  tag: 'ledger.daily_tag_usage_report',
  customer: 'ledger.daily_customer_usage_report',
} as const;

const columns: Readonly<Record<keyof typeof views, Readonly<Record<UsageField, string>>>> = {
  request: { ...common, name: "''::text" },
  tag: { ...common, name: 'report.tag' },
  customer: { ...common, name: 'report.customer' },
};

/** By name in the answer, the column that is summed. Counts as numbers, which are exact to 2^53; money as text. */
const sums = Object.entries({
  inputTokens: 'input_tokens',
  outputTokens: 'output_tokens',
  cachedInputTokens: 'cached_input_tokens',
  reasoningTokens: 'reasoning_tokens',
  requestsOk: 'requests_ok',
  requestsFailed: 'requests_failed',
  cacheHits: 'cache_hits',
} as const satisfies Record<Exclude<keyof UsageMeasures, 'spendNanoUsd'>, string>)
  .map(([name, column]) => `coalesce(sum(${column}), 0)::float8 as "${name}"`)
  .concat('coalesce(sum(spend_nano_usd), 0)::text as "spendNanoUsd"');

/** What else is in a row are the fields that were asked for. */
const Measures = z.looseObject({
  spendNanoUsd: z.string().transform((digits) => BigInt(digits)),
  inputTokens: z.number(),
  outputTokens: z.number(),
  cachedInputTokens: z.number(),
  reasoningTokens: z.number(),
  requestsOk: z.number(),
  requestsFailed: z.number(),
  cacheHits: z.number(),
});

/** @throws TypeError for a row that is none of the view's */
function withFields<Row extends object, Field extends string>(row: Row, by: readonly Field[]) {
  if (!hasFields(row, by)) throw new TypeError(`a sum without ${by.join(', ')}`);
  return row;
}

function hasFields<Row extends object, Field extends string>(
  row: Row,
  by: readonly Field[],
): row is Row & Readonly<Record<Field, string>> {
  return by.every((field) => typeof Reflect.get(row, field) === 'string');
}
