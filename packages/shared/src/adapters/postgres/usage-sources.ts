import type { EachUsageQuery, UsageField } from '../../ports/spend-reports.ts';

/** What usage can be read of: as a query of `eachUsage` says, and `row`: each call once, but from the rows. */
export type UsageSource = EachUsageQuery<never>['of'] | 'row';

interface Source {
  /** With the first day and the day after the last as $1 and $2. */
  readonly view: string;
  readonly columns: Readonly<Record<UsageField, string>>;
}

/** Where to read; what asks for days, months and names alone gets the same sums from far fewer rows. */
export function sourceOf(of: UsageSource, asked: readonly UsageField[]): Source {
  if (of === 'row' || of === 'tag and customer') return rows[of];
  return asked.every((field) => ofTotals.has(field)) ? totalsOf(of) : dailySums[of];
}

export const usageFields: readonly UsageField[] = [
  'name',
  'customer',
  'day',
  'month',
  'keyHash',
  'userId',
  'teamId',
  'organizationId',
  'model',
  'alias',
  'provider',
  'callType',
];

const common = {
  name: "''::text",
  customer: "''::text",
  day: 'report.day',
  month: "to_char(report.day, 'YYYY-MM')",
  keyHash: 'report.key_hash',
  userId: 'report.user_id',
  teamId: 'report.team_id',
  organizationId: 'report.organization_id',
  model: 'report.model',
  alias: 'report.alias',
  provider: 'report.provider',
  callType: 'report.call_type',
} as const;

type DailySums = Exclude<UsageSource, keyof typeof rows>;

/** Nothing of a query but these names is ever part of a statement's text. */
const dailySums: Readonly<Record<DailySums, Source>> = {
  request: { view: 'ledger.daily_usage_report', columns: common },
  tag: { view: 'ledger.daily_tag_usage_report', columns: { ...common, name: 'report.tag' } },
  customer: { view: 'ledger.daily_customer_usage_report', columns: { ...common, name: 'report.customer' } },
};

/** What the totals have columns for. */
const ofTotals: ReadonlySet<UsageField> = new Set(['day', 'month', 'name']);

function totalsOf(of: DailySums): Source {
  const view = `(select * from ledger.daily_total_report where dimension = '${of}-total')`;
  return { view, columns: { ...common, name: 'report.name' } };
}

const rows = {
  row: { view: rowsWith("(values ('', '')) as part (tag, customer)"), columns: common },
  // As the ledger sums tags and customers by day: a tag that a call carries twice counts once, long ones are cut.
  'tag and customer': {
    view: rowsWith(
      `lateral (
         select distinct left(tag, 255) collate "C" as tag, left(called.end_user, 255) collate "C" as customer
         from unnest(called.tags) as tag
         where called.end_user <> ''
       ) as part`,
    ),
    columns: { ...common, name: 'report.tag', customer: 'report.customer' },
  },
} as const satisfies Readonly<Record<string, Source>>;

/**
 * Rows as if each were a daily sum. Found by their start, which is what daily sums go by: each month's partition has an
 * index of it, so those of other months cost a look. The partitions' own months are those of admission.
 */
function rowsWith(part: string): string {
  return `(
    select (called.started_at at time zone 'UTC')::date as day, called.key_hash,
      coalesce(called.user_id, '') as user_id, coalesce(called.team_id, '') as team_id,
      coalesce(called.organization_id, '') collate "C" as organization_id, called.model,
      called.alias collate "C" as alias, coalesce(called.provider, '') collate "C" as provider,
      called.call_type collate "C" as call_type, part.tag, part.customer, called.cost_nano_usd as spend_nano_usd,
      called.input_tokens, called.output_tokens, called.cached_input_tokens, called.reasoning_tokens,
      (called.outcome = 'completed')::int as requests_ok, (called.outcome <> 'completed')::int as requests_failed,
      called.cache_hit::int as cache_hits
    from ledger.spend_row_report as called, ${part}
    where called.started_at >= $1::date::timestamp at time zone 'UTC'
      and called.started_at < $2::date::timestamp at time zone 'UTC'
  )`;
}
