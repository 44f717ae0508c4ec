import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
const keys = { olga: '', bob: '', inAcme: '', inBlue: '', elsewhere: '' };

const post = (path: string, body: object, key?: string) => gateway.ok(path, body, key === undefined ? {} : { key });

/** Bob is in `other` and its team `red`. Olga, who administers `acme`, has made him a member of it and of `blue`. */
before(async () => {
  gateway = resources.use(await openManagement(resources.use(await openKeysDatabase())));
  for (const id of ['acme', 'other']) await post('/organization/new', { organization_id: id, organization_alias: id });
  await post('/team/new', { team_id: 'blue', organization_id: 'acme' });
  await post('/team/new', { team_id: 'red', organization_id: 'other' });
  keys.olga = (await post('/user/new', { user_id: 'olga' })).key;
  await post('/organization/member_add', { organization_id: 'acme', member: { role: 'org_admin', user_id: 'olga' } });
  keys.bob = (await post('/user/new', { user_id: 'bob', organizations: ['other'], teams: ['red'] })).key;
  const member = { role: 'internal_user', user_id: 'bob' };
  await post('/organization/member_add', { organization_id: 'acme', member }, keys.olga);
  await post('/team/member_add', { team_id: 'blue', member: { role: 'user', user_id: 'bob' } }, keys.olga);
  keys.inAcme = await gateway.generate({ user_id: 'bob', organization_id: 'acme' });
  keys.inBlue = await gateway.generate({ user_id: 'bob', team_id: 'blue' });
  keys.elsewhere = await gateway.generate({ user_id: 'bob', team_id: 'red' });
});
after(() => resources.disposeAsync());

async function seenBy(key: string | undefined) {
  const options = key === undefined ? {} : { key };
  const { body: info } = await gateway.get('/user/info?user_id=bob', options);
  const { body: alone } = await gateway.get('/v2/user/info?user_id=bob', options);
  assert.deepEqual(alone, info.user_info);
  return {
    keys: info.keys.map(({ token }: { token: string }) => token).toSorted(),
    teams: info.teams.map(({ team_id: id }: { team_id: string }) => id).toSorted(),
    teamIds: alone.teams.toSorted(),
    organizations: alone.organization_memberships
      .map(({ organization_id: id }: { organization_id: string }) => id)
      .toSorted(),
  };
}

test('who administers an organization sees of a member what is in it', async () => {
  assert.deepEqual(await seenBy(keys.olga), {
    keys: [hashKey(keys.inAcme), hashKey(keys.inBlue)].toSorted(),
    teams: ['blue'],
    teamIds: ['blue'],
    organizations: ['acme'],
  });
  const { body } = await gateway.get('/user/list', { key: keys.olga });
  const row = body.users.find(({ user_id: id }: { user_id: string }) => id === 'bob');
  assert.deepEqual([row.teams, row.key_count], [['blue'], 2]);
});

test('users see all of themselves, and so does the operator', async () => {
  const all = {
    keys: [keys.bob, keys.inAcme, keys.inBlue, keys.elsewhere].map((key) => hashKey(key)).toSorted(),
    teams: ['blue', 'red'],
    teamIds: ['blue', 'red'],
    organizations: ['acme', 'other'],
  };
  assert.deepEqual(await seenBy(keys.bob), all);
  assert.deepEqual(await seenBy(undefined), all);
});
