import { OrganizationListQuery, OrganizationQuery } from '@sluice/shared/api/litellm/organization.ts';
import type { RequestHandler, Response } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import type { Organization } from '../../../tenancy/organization.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import { atMost } from '../../spend/truncated.ts';
import type { ManagementDeps } from '../management-deps.ts';
import type { Row } from '../row.ts';
import { membersMax, teamRowsOf, withMembers } from '../teams/team-rows.ts';
import { administersOrganization, requireOrganizationRight } from './organization-rights.ts';
import { organizationRowsOf, withTheirBudgets } from './organization-rows.ts';

/** In one answer; the newest are left out, and a header says so. */
const organizationsMax = 500;
const teamsMax = 2_000;

/** GET /organization/info. For its members, with those of its members and teams that they may see. */
export function organizationInfo(deps: ManagementDeps): RequestHandler {
  const { authenticate, scopeOf, tenancy } = deps;
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const { organization_id: organizationId } = parseQuery(OrganizationQuery, req.query);
    const [stored, own] = await Promise.all([
      tenancy.organizations.find(organizationId),
      tenancy.organizationMembers.find(organizationId, scope.userId ?? ''),
    ]);
    const asked = { organization: stored, organizationId, route: req.path };
    const organization = requireOrganizationRight(scope, asked, { isMember: own !== null });
    res.json((await rowsWithin(scope, [organization], deps, res))[0]);
  };
}

/** GET /organization/list. All organizations, or those that the caller is a member of. */
export function organizationList(deps: ManagementDeps): RequestHandler {
  const { authenticate, scopeOf, tenancy } = deps;
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const { org_id: id, org_alias: alias } = parseQuery(OrganizationListQuery, req.query);
    const visible = await visibleTo(scope);
    const organizationId = id === undefined ? visible : [id].filter((one) => visible?.includes(one) ?? true);
    const found = await tenancy.organizations.all(
      {
        where: { organizationId },
        search: alias === undefined ? undefined : { text: alias, in: ['organizationAlias'] },
      },
      organizationsMax + 1,
    );
    res.json(await rowsWithin(scope, atMost(organizationsMax, found, res), deps, res));
  };

  /** undefined: all of them. */
  async function visibleTo({ all, userId }: Scope): Promise<readonly string[] | undefined> {
    if (all) return undefined;
    const memberships = await tenancy.organizationMembers.all({ where: { userId: userId ?? '' } }, membersMax);
    return memberships.map(({ organizationId }) => organizationId);
  }
}

/** Organizations with their members and teams, as far as somebody may see those. */
async function rowsWithin(
  scope: Scope,
  organizations: readonly Organization[],
  deps: ManagementDeps,
  res: Response,
): Promise<readonly Row[]> {
  const { tenancy } = deps;
  const where = { organizationId: organizations.map(({ organizationId }) => organizationId) };
  const [members, teams] = await Promise.all([
    tenancy.organizationMembers.all({ where }, membersMax + 1),
    tenancy.teams.all({ where }, teamsMax + 1),
  ]);
  const seen = {
    members: atMost(membersMax, members, res).filter(
      ({ organizationId, userId }) => administersOrganization(scope, organizationId) || userId === scope.userId,
    ),
    teams: atMost(teamsMax, teams, res).filter(({ teamId }) => scope.all || scope.teams.has(teamId)),
  };
  const [rows, teamRows] = await Promise.all([
    withTheirBudgets({ organizations, members: seen.members }, tenancy).then((found) =>
      organizationRowsOf(found, deps),
    ),
    withMembers(seen.teams, tenancy).then((found) => teamRowsOf({ teams: found }, deps)),
  ]);
  return rows.organizations.map((row) => ({
    ...row,
    members: rows.members.filter((member) => member['organization_id'] === row['organization_id']),
    teams: teamRows.teams.filter((team) => team['organization_id'] === row['organization_id']),
  }));
}
