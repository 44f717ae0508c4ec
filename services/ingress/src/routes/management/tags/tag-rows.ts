import { unlimited } from '../../../tenancy/limits.ts';
import { mainAccountOf } from '../../../tenancy/main-account.ts';
import type { Tag } from '../../../tenancy/tag.ts';
import { budgetsById } from '../holder-budget.ts';
import type { ManagementDeps } from '../management-deps.ts';
import type { Row } from '../row.ts';
import { tagInfoOf } from './tag-info-of.ts';

type TagRowsDeps = Pick<ManagementDeps, 'reports' | 'tenancy' | 'windows' | 'now'>;

/** Tags as answers show them, in the order given, with one question to the books. */
export async function tagRowsOf(
  tags: readonly Tag[],
  { reports, tenancy, windows, now }: TagRowsDeps,
): Promise<readonly Row[]> {
  if (tags.length === 0) return [];
  const time = now();
  const budgets = await budgetsById(
    tags.map(({ budgetId }) => budgetId),
    tenancy,
  );
  const found = tags.map((tag) => ({ tag, budget: budgets.get(tag.budgetId ?? '') ?? null }));
  const balances = await reports.balancesOf(
    found.map(({ tag, budget }) => mainAccountOf(`tag:${tag.name}`, budget ?? unlimited, time, windows)),
  );
  return found.map((each, index) => tagInfoOf(each, balances[index], time, windows));
}

/** One tag as answers show it. */
export async function tagRowOf(tag: Tag, deps: TagRowsDeps): Promise<Row> {
  const [row] = await tagRowsOf([tag], deps);
  if (!row) throw new Error('a tag without a row');
  return row;
}
