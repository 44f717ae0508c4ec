import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { openTestDatabase } from '../../../../test/servers/test-database.ts';

/** Who made a key of `bob`, and who changed it last; null: the master key, before there were users. */
const histories: readonly (readonly [createdBy: string | null, updatedBy: string | null, vouched: boolean])[] = [
  [null, null, true],
  ['default_user_id', 'default_user_id', true],
  ['bob', 'bob', true],
  ['root', 'bob', true],
  ['ada', 'ada', false],
  ['ada', 'bob', false],
  ['bob', 'ada', false],
];

test('of keys that are there already, who made and last changed them says whether they act as their user', async () => {
  await using database = await openTestDatabase([{ ...schemas.ingress, upTo: 5 }]);
  await using sql = await openPostgres({ url: database.url, applicationName: 'ingress test' });
  await sql.query(
    `insert into ingress.users (user_id, user_role, created_at, updated_at)
     values ('root', 'proxy_admin', now(), now()), ('ada', 'internal_user', now(), now())`,
  );
  for (const [index, [createdBy, updatedBy]] of histories.entries()) {
    await sql.query(
      `insert into ingress.virtual_keys
         (hash, key_name, models, metadata, user_id, blocked, created_at, updated_at, created_by, updated_by)
       values ($1, 'sk-...abcd', '{}', '{}', 'bob', false, now(), now(), $2, $3)`,
      [String(index).padStart(64, '0'), createdBy, updatedBy],
    );
  }
  await migrate(sql, [schemas.ingress]);
  const { rows } = await sql.query('select created_by, updated_by, vouched from ingress.virtual_keys order by hash');
  const kept = histories.map(([created_by, updated_by, vouched]) => ({ created_by, updated_by, vouched }));
  assert.deepEqual(rows, kept);
});
