import type { Sql } from '@sluice/shared/ports/sql.ts';

/** The lines of the audit log about one object, oldest first. */
export async function auditLinesOf(sql: Sql, objectId: string) {
  const { rows } = await sql.query(
    'select action, table_name, before, after from ingress.audit_log where object_id = $1 order by seq',
    [objectId],
  );
  return rows.map((row) => Object(row));
}
