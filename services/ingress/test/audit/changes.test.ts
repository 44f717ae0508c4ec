import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChanges } from '../../src/audit/changes.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';

const operator = {
  role: 'proxy_admin',
  key: null,
  principal: null,
  caller: {
    keyHash: 'master',
    keyAlias: null,
    keyName: null,
    userId: null,
    teamId: null,
    organizationId: null,
    metadata: {},
  },
} as const;

test('a change that records nothing is taken back', async () => {
  await using sql = await openKeysDatabase();
  await sql.query('create table public.things (name text)');
  const changes = createChanges({ sql, now: Date.now });
  const req = { method: 'POST', path: '/thing/new', headers: {}, ip: '127.0.0.1' };

  await assert.rejects(
    changes.run(operator, req, async (transaction) => {
      await transaction.query("insert into public.things values ('one')");
    }),
    /POST \/thing\/new has changed something that no audit line tells/,
  );
  assert.deepEqual((await sql.query('select * from public.things')).rows, []);
});
