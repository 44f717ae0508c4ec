import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/** What lines can be found by; all of it has to match. */
export interface AuditFilter {
  readonly changedBy?: string | undefined;
  readonly keyHash?: string | undefined;
  readonly action?: string | undefined;
  readonly tableName?: string | undefined;
  readonly objectId?: string | undefined;
  /** A team that the object was of before or after. */
  readonly teamId?: string | undefined;
  /** A key that the object is. */
  readonly token?: string | undefined;
  /** Epoch milliseconds, both inclusive. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface AuditPage {
  /** Counted from 1. */
  readonly page: number;
  readonly size: number;
  readonly sortBy: AuditSort;
  readonly descending: boolean;
}

/** What lines can be sorted by, in LiteLLM's words. */
export const AuditSort = z.enum([
  'updated_at',
  'changed_by',
  'changed_by_api_key',
  'action',
  'table_name',
  'object_id',
  'id',
]);
type AuditSort = z.infer<typeof AuditSort>;

const sortColumns = {
  updated_at: 'changed_at',
  changed_by: 'changed_by',
  changed_by_api_key: 'key_hash',
  action: 'action',
  table_name: 'table_name',
  object_id: 'object_id',
  id: 'id',
} as const satisfies Record<AuditSort, string>;

/** A stored line. Actions and tables that a newer process knows are shown as it wrote them. */
const StoredAuditLine = z.object({
  id: z.string(),
  changed_at: z.date(),
  changed_by: z.string(),
  role: z.string(),
  user_id: z.string().nullable(),
  key_hash: z.string(),
  key_name: z.string().nullable(),
  action: z.string(),
  table_name: z.string(),
  object_id: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  request_id: z.string(),
  ip_address: z.string().nullable(),
});
export type StoredAuditLine = z.infer<typeof StoredAuditLine>;

/** One page of the lines that match, and how many do. */
export async function findAuditLines(
  sql: Sql,
  filter: AuditFilter,
  { page, size, sortBy, descending }: AuditPage,
): Promise<{ total: number; lines: readonly StoredAuditLine[] }> {
  const values = [
    filter.changedBy ?? null,
    filter.keyHash ?? null,
    filter.action ?? null,
    filter.tableName ?? null,
    filter.objectId ?? null,
    filter.teamId ?? null,
    filter.token ?? null,
    filter.from === undefined ? null : new Date(filter.from),
    filter.to === undefined ? null : new Date(filter.to),
  ];
  const direction = descending ? 'desc' : 'asc';
  const { rows: counts } = await sql.query(`select count(*) as total from ingress.audit_log where ${matches}`, values);
  const { rows } = await sql.query(
    `select * from ingress.audit_log
     where ${matches}
     order by ${sortColumns[sortBy]} ${direction}, changed_at ${direction}, seq ${direction}
     limit $10 offset $11`,
    [...values, size, (page - 1) * size],
  );
  return { total: TotalRow.parse(counts[0]).total, lines: rows.map((row) => StoredAuditLine.parse(row)) };
}

/** null: there is no such line. */
export async function findAuditLine(sql: Sql, id: string): Promise<StoredAuditLine | null> {
  const { rows } = await sql.query('select * from ingress.audit_log where id = $1', [id]);
  return rows.length === 0 ? null : StoredAuditLine.parse(rows[0]);
}

const matches = `
  ($1::text is null or changed_by = $1)
  and ($2::text is null or key_hash = $2)
  and ($3::text is null or action = $3)
  and ($4::text is null or table_name = $4)
  and ($5::text is null or object_id = $5)
  and ($6::text is null or before ->> 'team_id' = $6 or after ->> 'team_id' = $6)
  and ($7::text is null or before ->> 'token' = $7 or after ->> 'token' = $7)
  and ($8::timestamptz is null or changed_at >= $8)
  and ($9::timestamptz is null or changed_at <= $9)`;

const TotalRow = z.object({ total: z.string().transform(Number).pipe(z.int()) });
