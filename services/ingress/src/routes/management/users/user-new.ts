import { KeyGenerateRequest } from '@sluice/shared/api/litellm/key.ts';
import { UserNewRequest, userKeyFields } from '@sluice/shared/api/litellm/user.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import type { RecordChange } from '../../../audit/changes.ts';
import type { Authenticated, VirtualKey } from '../../../auth/authenticated.ts';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { tenancyIn } from '../../../sql/tenancy-tables.ts';
import { virtualKeysIn } from '../../../sql/virtual-keys.ts';
import { madeBy } from '../../../tenancy/history.ts';
import { mainAccountOf } from '../../../tenancy/main-account.ts';
import { newUser } from '../../../tenancy/new-user.ts';
import type { OrganizationMember } from '../../../tenancy/organization.ts';
import type { User } from '../../../tenancy/user.ts';
import { organizationMemberChange } from '../organizations/audited-organization.ts';
import { addMembers } from '../teams/add-members.ts';
import { keyChange } from '../keys/audited-key.ts';
import { userChange } from './audited-user.ts';
import type { ChangeWork } from '../change-work.ts';
import { changesOf } from '../keys/key-changes.ts';
import { keyOf } from '../keys/key-generate.ts';
import { ownerHolder, requireTeamsOrganization } from '../keys/hold-owners.ts';
import { keyInfoOf } from '../keys/key-info-of.ts';
import { madeKeyOf } from '../keys/made-key-of.ts';
import { requireKeyRules, requireWithinBounds, withKeyDefaults } from '../keys/key-rules.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { aliasTaken, budgetNotFound, organizationNotFound } from '../refusals.ts';
import { requireTeamRight } from '../teams/team-rights.ts';
import { refuseUnsupported } from '../unsupported-fields.ts';
import { refuseReserved, refuseUnsupportedOfUser, userChangesOf } from './user-changes.ts';
import { userInfoOf } from './user-info-of.ts';
import { requireUserMaker } from './user-rights.ts';
import { emailTaken } from './users-named.ts';

type Membership = Exclude<NonNullable<UserNewRequest['teams']>[number], string>;

/** POST /user/new. With a key of their own, which is in this answer and nowhere else, unless they are to have none. */
export function userNew(deps: ManagementDeps): RequestHandler {
  const { authenticate, changes, scopeOf, reports, windows, userSettings, now, newKey, newId } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const request = parseManagementBody(UserNewRequest, withDefaults(req.body, userSettings.defaults));
    refuseUnsupportedOfUser(req.body, true);
    refuseUnsupported(req.body, { isNew: true }); // what it says of the key
    refuseReserved(request.user_id);
    const scope = await scopeOf(authenticated);
    requireUserMaker(scope, request);

    const by = { userId: authenticated.caller.userId, now: now() };
    const user: User = {
      ...newUser,
      ...userChangesOf(request, deps),
      userId: request.user_id ?? newId(),
      ...madeBy(by),
    };
    const memberships = membershipsOf(request);
    const organizations = organizationsOf(request, user);
    const rawKey = request.auto_create_key === false ? null : newKey();
    const key =
      rawKey === null ? null : keyOf(rawKey, keyChangesOf(req.body, user, authenticated, deps), authenticated, by.now);

    // Before they are stored: a failure must not swallow the only sight of the key.
    const [balance] = await reports.balancesOf([mainAccountOf(`user:${user.userId}`, user, by.now, windows)]);
    const teamIds = memberships.map(({ team_id }) => team_id);
    const userInfo = userInfoOf({ user, teamIds, organizations }, balance, by.now, windows);
    const keyInfo = key && madeKeyOf(await keyInfoOf(key, deps), { duration: req.body?.duration });
    const [teamId, organizationId] = [key?.teamId ?? null, key?.organizationId ?? null]; // those of the defaults
    const holdTeam = await ownerHolder('team', teamId, false, deps);
    const holdOrganization = await ownerHolder('organization', organizationId, false, deps);

    await changes.run(authenticated, req, async (sql, record) => {
      const work: ChangeWork = { sql, tenancy: tenancyIn(sql), record, scope, by };
      await insertUser(user, work);
      await inOrder([
        ...memberships.map((membership) => ({
          id: membership.team_id,
          take: () => joinTeam(user, membership, work),
        })),
        { id: teamId ?? '', take: () => holdTeam(sql) },
      ]);
      await inOrder([
        ...organizations.map((member) => ({
          id: member.organizationId,
          take: () => insertOrganizationMember(member, work),
        })),
        { id: organizationId ?? '', take: () => holdOrganization(sql) },
      ]);
      if (key !== null) {
        await requireTeamsOrganization(sql, key);
        await insertKey(key, work);
      }
    });
    deps.invalidateTenancy();
    if (key !== null) deps.invalidate(key.hash);
    res.json({ ...keyInfo, ...userInfo, key: rawKey ?? '', token: key?.hash ?? null, token_id: key?.hash ?? null });
  };

  async function joinTeam(user: User, { team_id: teamId, user_role: role, ...limits }: Membership, work: ChangeWork) {
    const locked = await work.tenancy.teams.lock(teamId);
    const team = requireTeamRight(work.scope, { team: locked, teamId, route: '/team/member_add' }, 'admin');
    const entries = [{ role, user_id: user.userId, user_email: user.userEmail }];
    await addMembers({ team, entries, limits }, work, deps);
  }
}

/** Fields that the request leaves out are as configured. */
function withDefaults(body: unknown, defaults: object): unknown {
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body))) return body;
  const given = Object.entries(body ?? {}).filter(([, value]) => value !== undefined && value !== null);
  return { ...defaults, ...Object.fromEntries(given) };
}

/** What the request says of the user's key, under the rules for personal keys. Limits are the user's alone. */
function keyChangesOf(
  body: unknown,
  { userId }: User,
  { role, key: own }: Authenticated,
  { keySettings, models, now }: Pick<ManagementDeps, 'keySettings' | 'models' | 'now'>,
) {
  const given = Object.entries(typeof body === 'object' && body !== null ? body : {});
  const named = given.filter(([name]) => userKeyFields.some((field) => field === name));
  const asked = withKeyDefaults({ ...Object.fromEntries(named), user_id: userId }, keySettings);
  const fields = parseManagementBody(KeyGenerateRequest, asked);
  refuseUnsupported(asked, { isNew: true });
  requireWithinBounds(fields, keySettings);
  requireKeyRules(fields, { role, isOperator: own === null, memberRole: null }, keySettings);
  if (role !== 'proxy_admin' && Object.keys(fields.permissions ?? {}).length > 0) {
    throw new GatewayError('route_not_allowed', 'Only an administrator of the proxy may set permissions of a key.');
  }
  return changesOf(fields, now(), { models });
}

/** Takes rows in one order, so that two requests never wait for each other's; of the same row, what is named first. */
async function inOrder(rows: readonly { readonly id: string; readonly take: () => Promise<void> }[]): Promise<void> {
  for (const { take } of rows.toSorted((a, b) => (a.id === b.id ? 0 : a.id < b.id ? -1 : 1))) await take();
}

function membershipsOf({ teams }: UserNewRequest): Membership[] {
  const named = (teams ?? []).map((team) =>
    typeof team === 'string' ? { team_id: team, user_role: 'user' as const } : team,
  );
  return [...new Map(named.map((each) => [each.team_id, each])).values()];
}

function organizationsOf({ organizations }: UserNewRequest, user: User): OrganizationMember[] {
  return [...new Set(organizations)].map((organizationId) => ({
    organizationId,
    userId: user.userId,
    role: 'internal_user',
    userEmail: user.userEmail,
    budgetId: null,
    createdAt: user.createdAt,
  }));
}

async function insertUser(user: User, { tenancy, record }: { tenancy: ChangeWork['tenancy']; record: RecordChange }) {
  const stored = await tenancy.users.insert(user);
  if (stored !== 'inserted') throw userRefusalOf(stored.violated, user);
  await record(userChange('created', { before: null, after: user }));
}

/** What the constraints of the table mean. */
export function userRefusalOf(violated: string, { userId, userEmail }: Partial<User>): Error {
  switch (violated) {
    case 'users_unique':
      return new GatewayError('already_exists', `User with id ${userId} already exists.`, { param: 'user_id' });
    case 'users_email_unique':
      return emailTaken(userEmail);
    default:
      return new Error(`users has refused a row by ${violated}`);
  }
}

async function insertOrganizationMember(member: OrganizationMember, { tenancy, record }: ChangeWork) {
  const stored = await tenancy.organizationMembers.insert(member);
  if (stored !== 'inserted') throw organizationNotFound(member.organizationId);
  await record(organizationMemberChange('created', { before: null, after: { member, budget: null } }));
}

async function insertKey(key: VirtualKey, { sql, record }: ChangeWork) {
  const outcome = await virtualKeysIn(sql).insert(key);
  if (outcome === 'alias-taken') throw aliasTaken(key.keyAlias);
  if (outcome === 'no-budget') throw budgetNotFound(key.budgetId);
  if (outcome !== 'inserted') throw new Error(`a new key was refused: ${outcome}`);
  await record(keyChange('created', { before: null, after: key }));
}
