import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Request } from 'express';
import type { RecordChange } from '../../audit/changes.ts';
import type { Authenticated } from '../../auth/authenticated.ts';
import { tenancyIn } from '../../sql/tenancy-tables.ts';
import type { Tenancy } from '../../sql/tenancy-tables.ts';
import type { Maker } from '../../tenancy/history.ts';
import type { Scope } from '../../tenancy/scope.ts';
import type { ManagementDeps } from './management-deps.ts';

/** What a change is made with: all of it in one transaction. */
export interface ChangeWork {
  readonly sql: Sql;
  readonly tenancy: Tenancy;
  readonly record: RecordChange;
  readonly scope: Scope;
  readonly by: Maker;
}

/**
 * Changes what keys belong to, or are limited by. All of it happens, with its lines in the audit log, or nothing; it
 * counts in this process at once.
 *
 * @throws what `work` throws
 */
export async function withChanges<T>(
  { scopeOf, changes, now, invalidateTenancy }: ManagementDeps,
  req: Request,
  authenticated: Authenticated,
  work: (with_: ChangeWork) => Promise<T>,
): Promise<T> {
  const scope = await scopeOf(authenticated);
  const by = { userId: authenticated.caller.userId, now: now() };
  const result = await changes.run(authenticated, req, (sql, record) =>
    work({ sql, tenancy: tenancyIn(sql), record, scope, by }),
  );
  invalidateTenancy();
  return result;
}
