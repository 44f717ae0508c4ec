import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/**
 * Rows of calls that were admitted on this UTC day by an ingress which did not count them: one from before the chain,
 * which knows no account of the whole proxy. It may run on the day of the upgrade and the day after, if there were rows
 * before; otherwise there are none, whatever a row says.
 */
export async function countOlderAdmissions(sql: Sql, day: string): Promise<number> {
  const { rows } = await sql.query(
    `select count(*) as rows
     from ledger.spend_rows
     where exists (
         select 1 from public.sluice_migrations
         where service = 'ledger' and name = 'chain'
           and (applied_at at time zone 'UTC')::date in ($1::date, $1::date - 1))
       and exists (select 1 from ledger.chain_blocks where day between $1::date - 90 and $1::date and id = 0)
       and admitted_at >= $1::date::timestamp at time zone 'UTC'
       and admitted_at < ($1::date + 1)::timestamp at time zone 'UTC'
       and chain_block is not null
       and not account_ids @> array['proxy:all']
       and not ledger.was_refused(attempt, outcome, error_code)`,
    [day],
  );
  return z.tuple([z.object({ rows: z.coerce.number<string>() })]).parse(rows)[0].rows;
}
