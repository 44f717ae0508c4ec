import { z } from 'zod';
import type { UsageField, UsageFilter, UsageMeasures, UsageQuery, UsageSum } from '../../ports/spend-reports.ts';
import type { Sql } from '../../ports/sql.ts';
import { dayOf } from './day-of.ts';
import { sourceOf, usageFields, type UsageSource } from './usage-sources.ts';

/** Sums of the ledger's daily sums, or of its rows. @see SpendReports.usage */
export async function readUsage<const Field extends UsageField>(
  sql: Sql,
  query: SourceQuery<Field>,
): Promise<readonly UsageSum<Field>[]> {
  const { text, values } = usageStatement(query);
  const { rows } = await sql.query(text, values);
  return z.array(usageSumOf(query.by)).parse(rows);
}

type SourceQuery<Field extends UsageField> = Omit<UsageQuery<Field>, 'of'> & { readonly of: UsageSource };

/** The question to the database; `limit` null: all of them. */
export function usageStatement<const Field extends UsageField>({
  of,
  from,
  to,
  by,
  where = {},
  except = {},
  either = {},
  order,
  limit,
  offset = 0,
}: Omit<SourceQuery<Field>, 'limit'> & { readonly limit: number | null }): { text: string; values: unknown[] } {
  const asked = usageFields.filter(
    (field) => by.some((one) => one === field) || where[field] || except[field] || either[field],
  );
  const { view, columns } = sourceOf(of, asked);
  const values: unknown[] = [dayOf(from), dayOf(to), limit, offset];
  const conditions = (filter: UsageFilter, compare: (column: string, bound: string) => string) =>
    usageFields
      .filter((field) => filter[field] !== undefined)
      .map((field) => compare(columns[field], `$${values.push(filter[field])}`));
  const alternatives = conditions(either, isAnyOf);
  const groups = by.map((field) => columns[field]);
  const sorted = order === 'spend' ? ['sum(spend_nano_usd) desc', ...groups] : groups;
  const text = `select ${[...by.map((field) => `${columns[field]}::text as "${field}"`), ...sums].join(', ')}
     from ${view} as report
     where ${[
       'day >= $1::date',
       'day < $2::date',
       ...conditions(where, isAnyOf),
       ...conditions(except, (column, bound) => `${column} <> all(${bound})`),
       ...(alternatives.length === 0 ? [] : [`(${alternatives.join(' or ')})`]),
     ].join(' and ')}
     ${groups.length === 0 ? '' : `group by ${groups.join(', ')} order by ${sorted.join(', ')}`}
     limit $3::bigint offset $4::bigint`;
  return { text, values };
}

function isAnyOf(column: string, bound: string): string {
  return `${column} = any(${bound})`;
}

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

const Measures = z.object({
  spendNanoUsd: z.string().transform((digits) => BigInt(digits)),
  inputTokens: z.number(),
  outputTokens: z.number(),
  cachedInputTokens: z.number(),
  reasoningTokens: z.number(),
  requestsOk: z.number(),
  requestsFailed: z.number(),
  cacheHits: z.number(),
});

/** How a row of the statement is read. The schema has a member for each field; the compiler cannot follow that through `fromEntries`. */
export function usageSumOf<Field extends UsageField>(by: readonly Field[]): z.ZodType<UsageSum<Field>> {
  const fields = Object.fromEntries(by.map((field) => [field, z.string()]));
  return Measures.extend(fields).pipe(z.custom<UsageSum<Field>>());
}
