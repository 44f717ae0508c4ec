import type { Request } from 'express';
import type { Authenticated } from '../../../auth/authenticated.ts';
import type { Refused } from '../../../sql/entity-table.ts';
import type { Organization, OrganizationMember } from '../../../tenancy/organization.ts';
import { pairId } from '../../../tenancy/pair-id.ts';
import { withChanges } from '../change-work.ts';
import type { ChangeWork } from '../change-work.ts';
import { budgetRefusalOf } from '../holder-budget.ts';
import type { BudgetHolder } from '../holder-budget.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { organizationTaken } from '../refusals.ts';
import { requireOrganizationRight } from './organization-rights.ts';

interface OrganizationAsked {
  readonly authenticated: Authenticated;
  readonly organizationId: string;
}

/**
 * Does something with an organization that nobody else changes meanwhile, or whose members. @see withChanges
 *
 * @throws GatewayError not_found, or route_not_allowed
 */
export async function withOrganization<T>(
  deps: ManagementDeps,
  req: Request,
  { authenticated, organizationId }: OrganizationAsked,
  work: (organization: Organization, with_: ChangeWork) => Promise<T>,
): Promise<T> {
  return withChanges(deps, req, authenticated, async (with_) => {
    const locked = await with_.tenancy.organizations.lock(organizationId);
    const asked = { organization: locked, organizationId, route: req.path };
    return work(requireOrganizationRight(with_.scope, asked), with_);
  });
}

/** An organization as one that has a budget by reference. */
export function holderOf({
  organizationId,
  budgetId,
}: Pick<Organization, 'organizationId' | 'budgetId'>): BudgetHolder {
  return { kind: 'organization', id: organizationId, budgetId };
}

/** The same of a member. */
export function memberHolderOf({ organizationId, userId, budgetId }: OrganizationMember): BudgetHolder {
  return { kind: 'organization-member', id: pairId(organizationId, userId), budgetId };
}

/** @throws GatewayError for what the constraints of the table refuse */
export function requireStored<T>(
  stored: T | Refused | null,
  { organizationId, budgetId }: Pick<Organization, 'organizationId' | 'budgetId'>,
): T {
  if (stored === null) throw new Error(`organization ${organizationId} is gone while it was locked`);
  if (typeof stored !== 'object' || !('violated' in stored)) return stored;
  if (stored.violated === 'organizations_unique') throw organizationTaken(organizationId);
  throw budgetRefusalOf(stored.violated, budgetId);
}
