import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { AuditLine } from '../audit-line.ts';
import { masked } from '../masked.ts';

/** Adds a line; the only place that does, and so the only place that masks. */
export async function insertAuditLine(sql: Sql, line: AuditLine): Promise<void> {
  await sql.query(
    `insert into ingress.audit_log (
       id, changed_at, changed_by, role, user_id, key_hash, key_name,
       action, table_name, object_id, before, after, request_id, ip_address)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      line.id,
      new Date(line.at),
      masked(line.changedBy),
      line.role,
      line.userId,
      line.keyHash,
      line.keyName,
      line.action,
      line.tableName,
      line.objectId,
      json(line.before),
      json(line.after),
      line.requestId,
      line.ipAddress,
    ],
  );
}

function json(value: object | null): string | null {
  return value === null ? null : JSON.stringify(masked(value));
}
