import { usdDecimal } from '@sluice/shared/money.ts';
import type { UsageField, UsageMeasures, UsageSum } from '@sluice/shared/ports/spend-reports.ts';
import type { Called } from './called.ts';

export const groupNames = [
  ...(['day', 'month', 'organization', 'team', 'user', 'key'] as const),
  ...(['model', 'alias', 'provider', 'tag', 'customer'] as const),
];
export type ExportGroupName = (typeof groupNames)[number];

/** What an export can be grouped by, and the columns that it then has: the id, and what it is called. */
const groups = {
  day: { field: 'day', columns: ['day'], cells: (id) => [id] },
  month: { field: 'month', columns: ['month'], cells: (id) => [id] },
  organization: {
    field: 'organizationId',
    columns: ['organization_id', 'organization_alias'],
    cells: (id, called) => [id, id && called.organization(id)],
  },
  team: { field: 'teamId', columns: ['team_id', 'team_alias'], cells: (id, called) => [id, id && called.team(id)] },
  user: { field: 'userId', columns: ['user_id', 'user_alias'], cells: (id, called) => [id, id && called.user(id)] },
  key: {
    field: 'keyHash',
    columns: ['api_key', 'key_alias'],
    cells: (id, called) => [id, called.key(id)?.keyAlias ?? ''],
  },
  model: { field: 'model', columns: ['model'], cells: (id) => [id] },
  alias: { field: 'alias', columns: ['model_group'], cells: (id) => [id] },
  provider: { field: 'provider', columns: ['provider'], cells: (id) => [id] },
  tag: { field: 'name', columns: ['tag'], cells: (id) => [id] },
  customer: { field: 'name', columns: ['customer'], cells: (id) => [id] },
} as const satisfies Record<ExportGroupName, ExportGroup>;

interface ExportGroup {
  readonly field: UsageField;
  readonly columns: readonly string[];
  readonly cells: (id: string, called: Called) => readonly string[];
}

/** What the sums call a group: tags and customers have the same field, unless both are asked for. */
export function fieldOf(name: ExportGroupName, names: readonly ExportGroupName[]): UsageField {
  return name === 'customer' && names.includes('tag') ? 'customer' : groups[name].field;
}

/** The columns of every export, after those of its groups. */
export const measureColumns = [
  'spend_usd',
  'requests',
  'failed_requests',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
] as const;

export function columnsOf(names: readonly ExportGroupName[]): readonly string[] {
  return [...names.flatMap((name) => groups[name].columns), ...measureColumns];
}

/** One line of an export, as text: money with all its digits. */
export function cellsOf(
  names: readonly ExportGroupName[],
  sum: UsageSum<UsageField>,
  called: Called,
): readonly string[] {
  const named = names.flatMap((name) => {
    const { cells }: ExportGroup = groups[name];
    return cells(sum[fieldOf(name, names)], called);
  });
  return [...named, ...measureCells(sum)];
}

export function measureCells(sum: UsageMeasures): readonly string[] {
  return [
    usdDecimal(sum.spendNanoUsd),
    ...[
      sum.requestsOk + sum.requestsFailed,
      sum.requestsFailed,
      sum.inputTokens,
      sum.cachedInputTokens,
      sum.outputTokens,
      sum.reasoningTokens,
    ].map(String),
  ];
}
