import { GatewayError } from '@sluice/shared/errors.ts';
import type { Budget } from '../../../tenancy/budget.ts';
import { noLimits } from '../../../tenancy/limits.ts';
import type { Organization } from '../../../tenancy/organization.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import { forbiddenChange } from '../change-rights.ts';
import type { AskedBudget } from '../holder-budget.ts';
import { organizationNotFound } from '../refusals.ts';
import type { OrganizationChanges } from './organization-changes.ts';

/** What the organization's own administrators may set, besides limits downwards. */
const forAdmins: ReadonlySet<string> = new Set<keyof OrganizationChanges>(['organizationAlias', 'metadata']);

/** Whether all of an organization is somebody's to see, and its members to manage. */
export function administersOrganization(scope: Scope, organizationId: string): boolean {
  return scope.all || scope.organizations.has(organizationId);
}

interface AskedOrganization {
  /** null: there is none; whoever does not see all is told the same of it as of others' organizations. */
  readonly organization: Organization | null;
  readonly organizationId: string;
  readonly route: string;
}

/**
 * An organization that a caller administers.
 *
 * @param isMember of it, where that is enough
 * @throws GatewayError route_not_allowed, or not_found
 */
export function requireOrganizationRight(
  scope: Scope,
  { organization, organizationId, route }: AskedOrganization,
  { isMember = false }: { readonly isMember?: boolean } = {},
): Organization {
  if (organization !== null && (isMember || administersOrganization(scope, organizationId))) return organization;
  if (organization === null && scope.all) throw organizationNotFound(organizationId);
  throw new GatewayError(
    'route_not_allowed',
    'User not authorized to access this organization, or to do this with it. ' +
      `Organization=${organizationId}, Route=${route}`,
  );
}

/**
 * Whether what is asked of an organization is for its own administrators to change: none of its limits upwards.
 *
 * @throws GatewayError route_not_allowed
 */
export function requireOrganizationChangeRight(
  scope: Scope,
  before: { readonly organization: Organization; readonly budget: Budget | null },
  { changes, asked: { budgetId, values } }: { readonly changes: OrganizationChanges; readonly asked: AskedBudget },
): void {
  if (scope.all) return;
  const current = { ...(before.budget ?? noLimits), ...before.organization };
  const named = { ...values, ...changes, ...(budgetId !== undefined && { budgetId }) };
  const forbidden = forbiddenChange(current, named, forAdmins);
  if (forbidden === null) return;
  throw new GatewayError(
    'route_not_allowed',
    `Only an administrator of the proxy may set ${forbidden} of this organization so.`,
    { param: forbidden },
  );
}
