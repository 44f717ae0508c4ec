import type { Sql } from '@sluice/shared/ports/sql.ts';
import { tenancyIn } from '../../../sql/tenancy-tables.ts';
import { teamNotFound } from '../refusals.ts';
import type { ManagementDeps } from '../management-deps.ts';

/** Makes sure, in a key's transaction, that its team is still there when the key is stored. */
export type HoldTeam = (sql: Sql) => Promise<void>;

/**
 * Keys may name teams that nobody has made. But a key that is made for a team while that is deleted must go with it:
 * either the deletion finds the key, or the key finds no team.
 *
 * @param isRequired the team has to exist; else only if it does now
 * @returns to be called before the transaction locks any key. It throws GatewayError not_found
 */
export async function teamHolder(
  teamId: string | null | undefined,
  isRequired: boolean,
  { tenancy }: Pick<ManagementDeps, 'tenancy'>,
): Promise<HoldTeam> {
  if (teamId === null || teamId === undefined) return async () => undefined;
  const mustBeThere = isRequired || (await tenancy.teams.find(teamId)) !== null;
  return async (sql) => {
    if (!(await tenancyIn(sql).teams.hold(teamId)) && mustBeThere) throw teamNotFound(teamId);
  };
}
