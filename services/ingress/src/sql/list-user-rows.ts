import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { nothingWithoutTable } from './nothing-without-table.ts';

const bigint = z.string().transform(Number).nullable();

/** What is stored of a user, as far as reports show it; money in nano-USD. */
const UserRow = z.object({
  user_id: z.string(),
  user_alias: z.string().nullable(),
  user_email: z.string().nullable(),
  user_role: z.string().nullable(),
  sso_user_id: z.string().nullable(),
  max_budget_nano_usd: bigint,
  budget_duration: z.string().nullable(),
  requests_per_minute: bigint,
  tokens_per_minute: bigint,
  max_parallel_requests: bigint,
  models: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
  created_at: z.date(),
  updated_at: z.date(),
});
export type UserRow = z.infer<typeof UserRow>;

/** The newest users, or one of them. */
export async function listUserRows(sql: Sql, userId: string | undefined, limit: number): Promise<readonly UserRow[]> {
  const { rows } = await sql
    .query(
      `select * from ingress.users where $1::text is null or user_id = $1 order by created_at desc, user_id limit $2`,
      [userId ?? null, limit],
    )
    .catch(nothingWithoutTable);
  return z.array(UserRow).parse(rows);
}
