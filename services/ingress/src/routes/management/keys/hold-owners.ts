import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { VirtualKey } from '../../../auth/authenticated.ts';
import { tenancyIn } from '../../../sql/tenancy-tables.ts';
import { refusal } from '../limit-changes.ts';
import { organizationNotFound, teamNotFound } from '../refusals.ts';
import type { ManagementDeps } from '../management-deps.ts';

/** Makes sure, in a key's transaction, that what the key is given to is still there when the key is stored. */
export type Hold = (sql: Sql) => Promise<void>;

type Owners = Partial<Pick<VirtualKey, 'teamId' | 'organizationId'>>;

const kinds = {
  team: { table: 'teams', notFound: teamNotFound },
  organization: { table: 'organizations', notFound: organizationNotFound },
} as const;

/**
 * Keys may name teams and organizations that nobody has made. But a key that is given to one while that is deleted must
 * be known to the deletion: either that finds the key, or the key finds nothing there.
 *
 * @param isRequired it has to exist; else only if it does now
 * @returns to be called before the transaction locks any key. It throws GatewayError not_found
 */
export async function ownerHolder(
  kind: keyof typeof kinds,
  id: string | null | undefined,
  isRequired: boolean,
  { tenancy }: Pick<ManagementDeps, 'tenancy'>,
): Promise<Hold> {
  if (id === null || id === undefined) return async () => undefined;
  const { table, notFound } = kinds[kind];
  const mustBeThere = isRequired || (await tenancy[table].find(id)) !== null;
  return async (sql) => {
    if (!(await tenancyIn(sql)[table].hold(id)) && mustBeThere) throw notFound(id);
  };
}

/** The same for both that a key may be given to: teams first, as everywhere, so that no two wait for each other. */
export async function ownersHolder(
  { teamId, organizationId }: Owners,
  isRequired: { readonly team: boolean; readonly organization: boolean },
  deps: Pick<ManagementDeps, 'tenancy'>,
): Promise<Hold> {
  const holdTeam = await ownerHolder('team', teamId, isRequired.team, deps);
  const holdOrganization = await ownerHolder('organization', organizationId, isRequired.organization, deps);
  return async (sql) => {
    await holdTeam(sql);
    await holdOrganization(sql);
  };
}

/**
 * A key in a team is for the organization of the team: to name another says what would not be so.
 *
 * @param named what the request has named of the two
 * @throws GatewayError invalid_management_request
 */
export async function requireTeamsOrganization(sql: Sql, key: Owners, named: Owners = key): Promise<void> {
  const { teamId, organizationId } = key;
  const isNamed = named.teamId != null || named.organizationId != null;
  if (!isNamed || teamId == null || organizationId == null) return;
  const teams = (await tenancyIn(sql).teams.find(teamId))?.organizationId ?? organizationId;
  if (teams === organizationId) return;
  throw refusal(
    'organization_id',
    `Team ${teamId} belongs to organization ${teams}, and so do its keys. Received: ${organizationId}`,
  );
}
