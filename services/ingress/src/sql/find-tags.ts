import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import type { KnownTag } from '../tenancy/principal.ts';
import { decodeEntity, decodeOptional } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/** Tags that may be known by name: all of them are kept in memory. */
export const tagsMax = 10_000;

/** All known tags, by name. */
export async function findTags(sql: Sql): Promise<ReadonlyMap<string, KnownTag>> {
  const { rows } = await sql.query(
    `select to_jsonb(t) as tag, to_jsonb(b) as budget
     from ingress.tags as t left join ingress.budgets as b using (budget_id)
     order by t.created_at, t.name
     limit ${tagsMax}`,
  );
  return new Map(
    z
      .array(z.object({ tag: z.unknown(), budget: z.unknown() }))
      .parse(rows)
      .map((row) => ({ tag: decodeEntity(tables.tags, row.tag), budget: decodeOptional(tables.budgets, row.budget) }))
      .map((known) => [known.tag.name, known]),
  );
}
