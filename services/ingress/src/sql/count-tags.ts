import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/** How many tags there are. Until the transaction ends nobody else makes one, or changes one; all may be read. */
export async function countTags(sql: Sql): Promise<number> {
  await sql.query('lock table ingress.tags in share row exclusive mode');
  const { rows } = await sql.query('select count(*) as tags from ingress.tags');
  return z.object({ tags: z.coerce.number().pipe(z.int()) }).parse(rows[0]).tags;
}
