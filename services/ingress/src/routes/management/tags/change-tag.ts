import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Request } from 'express';
import type { RecordChange } from '../../../audit/changes.ts';
import type { Authenticated } from '../../../auth/authenticated.ts';
import { tenancyIn } from '../../../sql/tenancy-tables.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import type { Maker } from '../../../tenancy/new-budget.ts';
import type { Tag } from '../../../tenancy/tag.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { tagNotFound } from '../refusals.ts';
import type { FoundTag } from './tag-info-of.ts';

/** What a change of a tag is made with: all of it in one transaction. */
interface TagWork {
  readonly sql: Sql;
  readonly tenancy: Tenancy;
  readonly record: RecordChange;
  readonly by: Maker;
}

/**
 * Does something with a tag that nobody else changes meanwhile; it counts in this process at once.
 *
 * @throws GatewayError not_found
 */
export async function withTag<T>(
  { changes, now, invalidateTenancy }: ManagementDeps,
  req: Request,
  { authenticated, name }: { readonly authenticated: Authenticated; readonly name: string },
  work: (tag: Tag, with_: TagWork) => Promise<T>,
): Promise<T> {
  const by = { userId: authenticated.caller.userId, now: now() };
  const result = await changes.run(authenticated, req, async (sql, record) => {
    const tenancy = tenancyIn(sql);
    const tag = await tenancy.tags.lock(name);
    if (tag === null) throw tagNotFound([name]);
    return work(tag, { sql, tenancy, record, by });
  });
  invalidateTenancy();
  return result;
}

/** A tag with its limits. */
export async function withBudget(tag: Tag, { budgets }: Pick<Tenancy, 'budgets'>): Promise<FoundTag> {
  return { tag, budget: tag.budgetId === null ? null : await budgets.find(tag.budgetId) };
}
