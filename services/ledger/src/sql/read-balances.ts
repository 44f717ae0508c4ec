import type { Account } from '@sluice/shared/contracts/account.ts';
import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/** Sums as text: they may be more than a number holds. */
export const BalanceRow = z
  .object({
    account_id: z.string(),
    window_start: z.coerce.number<number | string>(),
    settled_nano_usd: z.string(),
    settled_tokens: z.string(),
    version: z.coerce.number<number | string>(),
  })
  .transform((row): Balance => ({
    id: row.account_id,
    windowStart: row.window_start,
    settledNanoUsd: sumOf(row.settled_nano_usd),
    settledTokens: sumOf(row.settled_tokens),
    version: row.version,
  }));

/** The accounts' balances as last committed; accounts that nothing was booked on are left out. */
export async function readBalances(sql: Sql, accounts: readonly Account[]): Promise<Balance[]> {
  const { rows } = await sql.query(
    `select account_id, window_start, settled_nano_usd, version, settled_tokens
     from unnest($1::text[], $2::bigint[]) as asked (account_id, window_start)
     join ledger.account_balances using (account_id, window_start)`,
    [accounts.map(({ id }) => id), accounts.map(({ windowStart }) => windowStart)],
  );
  return z.array(BalanceRow).parse(rows);
}

/** A sum that no number holds is above every budget there can be, and so is this one. */
function sumOf(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
