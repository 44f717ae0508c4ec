import type { Request } from 'express';
import type { Authenticated } from '../../../auth/authenticated.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import type { Tag } from '../../../tenancy/tag.ts';
import { withChanges } from '../change-work.ts';
import type { ChangeWork } from '../change-work.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { tagNotFound } from '../refusals.ts';
import type { FoundTag } from './tag-info-of.ts';

/**
 * Does something with a tag that nobody else changes meanwhile.
 *
 * @throws GatewayError not_found
 */
export function withTag<T>(
  deps: ManagementDeps,
  req: Request,
  { authenticated, name }: { readonly authenticated: Authenticated; readonly name: string },
  work: (tag: Tag, with_: ChangeWork) => Promise<T>,
): Promise<T> {
  return withChanges(deps, req, authenticated, async (changing) => {
    const tag = await changing.tenancy.tags.lock(name);
    if (tag === null) throw tagNotFound([name]);
    return work(tag, changing);
  });
}

/** A tag with its limits. */
export async function withBudget(tag: Tag, { budgets }: Pick<Tenancy, 'budgets'>): Promise<FoundTag> {
  return { tag, budget: tag.budgetId === null ? null : await budgets.find(tag.budgetId) };
}
