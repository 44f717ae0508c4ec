import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Sql, SqlPool } from '@sluice/shared/ports/sql.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { virtualKeysIn } from '../../src/sql/virtual-keys.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { virtualKey } from '../auth/virtual-keys.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { organization, team } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';
import type { Answer } from './serve-app.ts';

// What is given to a team or an organization while that is deleted, on the locks of a real database.

const resources = new AsyncDisposableStack();
let sql: SqlPool;
let gateway: Management;

before(async () => {
  sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
});
after(() => resources.disposeAsync());

/** The name of one that is deleted, in every test. */
const going = 'going';

const owners = {
  team: {
    param: 'team_id',
    owned: { teamId: going },
    make: () => tenancyIn(sql).teams.insert(team(going)),
    /** As the routes that delete it do. */
    lock: (deletion: Sql) => tenancyIn(deletion).teams.lock(going),
    hold: (making: Sql) => tenancyIn(making).teams.hold(going),
    delete: (deletion: Sql) => tenancyIn(deletion).teams.delete({ teamId: going }),
  },
  organization: {
    param: 'organization_id',
    owned: { organizationId: going },
    make: () => tenancyIn(sql).organizations.insert(organization(going)),
    lock: (deletion: Sql) => tenancyIn(deletion).organizations.lock(going),
    hold: (making: Sql) => tenancyIn(making).organizations.hold(going),
    delete: (deletion: Sql) => tenancyIn(deletion).organizations.delete({ organizationId: going }),
  },
} as const;

const keyRoutes = ['/key/generate', '/key/update', '/key/regenerate', '/user/new'];
const cases = [
  ...[...keyRoutes, '/key/service-account/generate'].map((path) => ({ path, owner: 'team' as const })),
  ...[...keyRoutes, '/team/new', '/team/update'].map((path) => ({ path, owner: 'organization' as const })),
];

for (const { path, owner } of cases) {
  const { param, owned, ...is } = owners[owner];
  test(`POST ${path} 404: the ${owner} is deleted at that moment`, async () => {
    const [asked, ask] = await requestFor(path, param);
    await is.make();
    const { answer } = await sql.transaction(async (deletion) => {
      await is.lock(deletion);
      const answering = ask();
      await waitUntil(isWaiting, { what: 'the request waits' });
      await is.delete(deletion);
      return { answer: answering };
    });
    const { status, body } = await answer;
    assert.deepEqual([status, body.error?.param], [404, param], JSON.stringify(asked));
    assert.equal(await keysOf(owned), 0);
    assert.deepEqual(await tenancyIn(sql).teams.all({ where: { organizationId: going } }, 1), []);
    assert.equal(await tenancyIn(sql).users.find('newcomer'), null);
  });
}

test('POST /team/delete 200: with a key that is made at that moment', async () => {
  const { answer, key } = await deletedWhileKeyIsMade('team', () =>
    gateway.post('/team/delete', { team_ids: [going] }),
  );
  assert.equal((await answer).status, 200);
  assert.equal(await virtualKeysIn(sql).find(key.hash), null);
});

test('DELETE /organization/delete 409: it has a key that is made at that moment', async () => {
  const { answer, key } = await deletedWhileKeyIsMade('organization', () =>
    gateway.ask('DELETE /organization/delete', { organization_ids: [going] }),
  );
  assert.equal((await answer).status, 409);
  assert.equal((await virtualKeysIn(sql).find(key.hash))?.organizationId, going);
});

test('POST /user/new 200: with a key and memberships in teams in whatever order, many at once', async () => {
  const named = ['a', 'b', 'c'];
  for (const name of named) await tenancyIn(sql).teams.insert(team(name));
  await using withDefault = await openManagement(sql, {}, defaults({ team_id: 'b' }));
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) => {
      const teams = [0, 1, 2].map((index) => named[(index + n) % 3]).slice(0, 1 + (n % 3));
      return withDefault.post('/user/new', { teams: n % 2 === 0 ? teams : teams.toReversed() });
    }),
  );
  for (const { status, body } of answers) assert.equal(status, 200, JSON.stringify(body));
  assert.equal(await keysOf({ teamId: 'b' }), 12);
});

async function deletedWhileKeyIsMade(owner: keyof typeof owners, ask: () => Promise<Answer>) {
  const { make, hold, owned } = owners[owner];
  await make();
  const key = virtualKey(`sk-at-that-moment-of-a-${owner}`, owned);
  const { answer } = await sql.transaction(async (making) => {
    assert.equal(await hold(making), true);
    await virtualKeysIn(making).insert(key);
    const answering = ask();
    await waitUntil(isWaiting, { what: 'the deletion waits' });
    return { answer: answering };
  });
  return { answer, key };
}

/** What gives something to the one that is deleted; a new user's key has it by default. */
async function requestFor(path: string, param: string): Promise<[body: object, ask: () => Promise<Answer>]> {
  if (path === '/user/new') {
    const withDefault = resources.use(await openManagement(sql, {}, defaults({ [param]: going })));
    const body = { user_id: 'newcomer' };
    return [body, () => withDefault.post(path, body)];
  }
  const isOfKey = path === '/key/update' || path === '/key/regenerate';
  const isOfTeam = path === '/team/update';
  if (isOfTeam) await tenancyIn(sql).teams.insert(team('staying'));
  const body = {
    ...(isOfKey && { key: await gateway.generate() }),
    ...(isOfTeam && { team_id: 'staying' }),
    [param]: going,
  };
  return [body, () => gateway.post(path, body)];
}

function defaults(params: object) {
  return { litellm_settings: { default_key_generate_params: params } };
}

async function isWaiting(): Promise<boolean> {
  const { rows } = await sql.query(
    `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
  );
  return rows.length > 0;
}

async function keysOf(owned: { readonly teamId?: string; readonly organizationId?: string }): Promise<number> {
  const { total } = await virtualKeysIn(sql).list(
    { ...owned, substringMatching: false, now: 0 },
    { page: 1, size: 1, sortBy: 'token', descending: false },
  );
  return total;
}
