import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { BalanceRow } from './read-balances.ts';

/** Balances that moved in the last hour in which any did, however long ago that was; the latest first. */
export async function readRecentBalances(sql: Sql, { limit }: { limit: number }): Promise<Balance[]> {
  const { rows } = await sql.query(
    `select account_id, window_start, settled_nano_usd, version, settled_tokens
     from ledger.account_balances
     where moved_at >= (select max(moved_at) from ledger.account_balances) - interval '1 hour'
     order by moved_at desc
     limit $1`,
    [limit],
  );
  return z.array(BalanceRow).parse(rows);
}
