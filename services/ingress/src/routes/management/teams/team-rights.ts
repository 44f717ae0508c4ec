import { GatewayError } from '@sluice/shared/errors.ts';
import type { Team } from '../../../tenancy/team.ts';
import { administers } from '../../../tenancy/scope.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import type { TeamChanges } from './team-changes.ts';
import { forbiddenChange } from '../change-rights.ts';
import { teamNotFound } from '../refusals.ts';

/**
 * How much of a team is somebody's: `member` to see it, `admin` to manage its members and keys, `organizer` (the proxy's
 * administrators and those of its organization) to say what it may use and whether it may at all.
 */
export type TeamRight = 'member' | 'admin' | 'organizer';

/** What the team's own administrators may set, besides limits downwards. */
const forAdmins: ReadonlySet<string> = new Set<keyof TeamChanges>([
  'teamAlias',
  'metadata',
  'modelAliases',
  'memberPermissions',
  'memberBudgetId',
  'memberKeyDuration',
  'defaultMemberModels',
]);

/**
 * A team that a caller may do something with.
 *
 * @param team null: there is none; whoever does not see all is told the same of it as of others' teams
 * @throws GatewayError route_not_allowed, or not_found
 */
export function requireTeamRight(
  scope: Scope,
  { team, teamId, route }: { readonly team: Team | null; readonly teamId: string; readonly route: string },
  right: TeamRight,
): Team {
  if (team !== null && hasTeamRight(scope, team, right)) return team;
  if (team === null && scope.all) throw teamNotFound(teamId);
  throw new GatewayError(
    'route_not_allowed',
    `User not authorized to access this team, or to do this with it. Only ${who[right]} may. ` +
      `Team=${teamId}, Route=${route}`,
  );
}

const who: Readonly<Record<TeamRight, string>> = {
  member: 'members of the team',
  admin: 'administrators of the team, of its organization or of the proxy',
  organizer: 'administrators of its organization or of the proxy',
};

export function hasTeamRight(scope: Scope, { teamId, organizationId }: Team, right: TeamRight): boolean {
  switch (right) {
    case 'member':
      return scope.all || scope.teams.has(teamId);
    case 'admin':
      return administers(scope, { teamId, organizationId });
    case 'organizer':
      return organizes(scope, organizationId);
  }
}

/** @throws GatewayError route_not_allowed for whom may not make a team there */
export function requireTeamMaker(scope: Scope, organizationId: string | null | undefined): void {
  if (organizes(scope, organizationId ?? null)) return;
  throw new GatewayError(
    'route_not_allowed',
    `Only an administrator of the organization, or of the proxy, may have teams there. ` +
      `Organization=${organizationId ?? 'none'}`,
  );
}

/**
 * Whether what is asked of a team is for its own administrators to change.
 *
 * @throws GatewayError route_not_allowed
 */
export function requireTeamChangeRight(scope: Scope, team: Team, changes: TeamChanges): void {
  if (changes.organizationId !== undefined && changes.organizationId !== team.organizationId) {
    requireTeamMaker(scope, changes.organizationId);
  }
  if (hasTeamRight(scope, team, 'organizer')) return;
  const forbidden = forbiddenChange(team, changes, forAdmins);
  if (forbidden === null) return;
  throw new GatewayError(
    'route_not_allowed',
    `Only an administrator of its organization, or of the proxy, may set ${forbidden} of this team so.`,
    { param: forbidden },
  );
}

function organizes(scope: Scope, organizationId: string | null): boolean {
  return scope.all || (organizationId !== null && scope.organizations.has(organizationId));
}
