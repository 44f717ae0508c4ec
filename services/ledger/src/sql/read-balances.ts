import type { Account } from '@sluice/shared/contracts/account.ts';
import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/** `settled_nano_usd` as text: it may be more than a number holds. */
export const BalanceRow = z
  .object({
    account_id: z.string(),
    window_start: z.coerce.number<number | string>(),
    settled_nano_usd: z.string(),
    version: z.coerce.number<number | string>(),
  })
  .transform((row): Balance => ({
    id: row.account_id,
    windowStart: row.window_start,
    settledNanoUsd: Math.min(Number(row.settled_nano_usd), Number.MAX_SAFE_INTEGER), // above every budget there can be
    version: row.version,
  }));

/** The accounts' balances as last committed; accounts that nothing was booked on are left out. */
export async function readBalances(sql: Sql, accounts: readonly Account[]): Promise<Balance[]> {
  const { rows } = await sql.query(
    `select account_id, window_start, settled_nano_usd, version
     from unnest($1::text[], $2::bigint[]) as asked (account_id, window_start)
     join ledger.account_balances using (account_id, window_start)`,
    [accounts.map(({ id }) => id), accounts.map(({ windowStart }) => windowStart)],
  );
  return z.array(BalanceRow).parse(rows);
}
