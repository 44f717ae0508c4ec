import { endOfDay, queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { PairId, Text } from '@sluice/shared/api/litellm/text.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { AuditSort, findAuditLine, findAuditLines, type StoredAuditLine } from '../../audit/sql/find-audit-lines.ts';
import type { Authenticate } from '../../auth/create-authenticate.ts';
import { hashOf } from '../../auth/hash-key.ts';
import { authorize } from '../../auth/authorize.ts';
import { parseQuery } from '../../http/parse-body.ts';

export interface AuditDeps {
  readonly authenticate: Authenticate;
  readonly sql: Sql;
}

/** GET /audit. A page of the administrative changes, the newest first unless asked otherwise. */
export function auditLog({ authenticate, sql }: AuditDeps): RequestHandler {
  return async (req, res) => {
    authorize(await authenticate(req), req.path);
    const query = parseQuery(AuditQuery, req.query);
    const [from, to] = [query.start_date?.first, query.end_date?.last];
    if (from !== undefined && to !== undefined && from > to)
      throw new GatewayError('invalid_management_request', 'start_date is after end_date.', { param: 'start_date' });

    const { total, lines } = await findAuditLines(
      sql,
      {
        changedBy: query.changed_by,
        keyHash: query.changed_by_api_key && hashOf(query.changed_by_api_key),
        action: query.action,
        tableName: query.table_name,
        objectId: query.object_id && hashOf(query.object_id),
        teamId: query.object_team_id,
        token: query.object_key_hash && hashOf(query.object_key_hash),
        from,
        to,
      },
      { page: query.page, size: query.page_size, sortBy: query.sort_by, descending: query.sort_order === 'desc' },
    );
    res.json({
      audit_logs: lines.map(shown),
      total,
      page: query.page,
      page_size: query.page_size,
      total_pages: Math.ceil(total / query.page_size),
    });
  };
}

/** GET /audit/{id}. */
export function auditLine({ authenticate, sql }: AuditDeps): RequestHandler {
  return async (req, res) => {
    authorize(await authenticate(req), req.path);
    const named = String(req.params['id']);
    const id = z.uuid().safeParse(named);
    const line = id.success ? await findAuditLine(sql, id.data) : null;
    if (line === null) throw new GatewayError('not_found', `Audit log with ID ${named} not found`, { param: 'id' });
    res.json(shown(line));
  };
}

/** A day, all of it, or an instant; ISO 8601, UTC unless it says otherwise. In epoch milliseconds. */
const queryTime = z.union([
  z.iso.date().transform((day) => ({ first: Date.parse(day), last: endOfDay(Date.parse(day)) - 1 })),
  z.iso.datetime({ offset: true, local: true }).transform((text) => {
    const time = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);
    return { first: time, last: time };
  }),
]);

export const AuditQuery = z.object({
  page: queryInteger({ min: 1, max: 1_000_000 }).default(1),
  page_size: queryInteger({ min: 1, max: 100 }).default(10),
  changed_by: Text.optional(),
  changed_by_api_key: Text.optional(),
  action: Text.optional(),
  table_name: Text.optional(),
  object_id: PairId.optional(),
  object_team_id: Text.optional(),
  object_key_hash: Text.optional(),
  start_date: queryTime.optional(),
  end_date: queryTime.optional(),
  sort_by: AuditSort.default('updated_at'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
});

/** In LiteLLM's words; what it does not tell (role, user, request, address) stands under names of ours. */
function shown(line: StoredAuditLine) {
  return {
    id: line.id,
    updated_at: line.changed_at.toISOString(),
    changed_by: line.changed_by,
    changed_by_api_key: line.key_hash,
    action: line.action,
    table_name: line.table_name,
    object_id: line.object_id,
    before_value: line.before,
    updated_values: line.after,
    changed_by_role: line.role,
    changed_by_user_id: line.user_id,
    changed_by_key_name: line.key_name,
    request_id: line.request_id,
    ip_address: line.ip_address,
  };
}
