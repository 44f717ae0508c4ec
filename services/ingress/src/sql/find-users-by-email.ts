import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { User } from '../tenancy/user.ts';
import { decodeEntity } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/** Those of the users that exist, by address in lower case; case does not matter. */
export async function findUsersByEmail(sql: Sql, emails: readonly string[]): Promise<ReadonlyMap<string, User>> {
  if (emails.length === 0) return new Map();
  const { rows } = await sql.query(
    `select * from ingress.users where lower(user_email) = any (select lower(email) from unnest($1::text[]) as email)`,
    [emails],
  );
  const users = rows.map((row) => decodeEntity(tables.users, row));
  return new Map(users.map((user) => [(user.userEmail ?? '').toLowerCase(), user]));
}
