import { randomUUID } from 'node:crypto';
import type { Sql, SqlPool } from '@sluice/shared/ports/sql.ts';
import type { Request } from 'express';
import type { Authenticated } from '../auth/authenticated.ts';
import { callIdOf } from '../http/call-id.ts';
import type { Change } from './audit-line.ts';
import { changedBy } from './changed-by.ts';
import { markChanged } from '../http/made-changes.ts';
import { insertAuditLine } from './sql/insert-audit-line.ts';

/** Writes the line of one change. A request that changes several objects writes one for each. */
export type RecordChange = (change: Change) => Promise<void>;

/** As much of a request as its lines tell. */
type ChangeRequest = Pick<Request, 'headers' | 'ip' | 'method' | 'path' | 'res'>;

/** Administrative changes, each with its line in the audit log. */
export interface Changes {
  /**
   * Runs `work` in a transaction that its audit lines share: all of it happens, or nothing. The only way for an
   * endpoint to change what operators manage.
   *
   * @param work changes what it wants to with this `sql`, and records each object that it changed
   * @throws what `work` throws, after taking everything back; Error for work that has recorded nothing
   */
  run<T>(
    authenticated: Authenticated,
    req: ChangeRequest,
    work: (sql: Sql, record: RecordChange) => Promise<T>,
  ): Promise<T>;
}

export function createChanges({ sql, now }: { readonly sql: SqlPool; readonly now: () => number }): Changes {
  return {
    async run(authenticated, req, work) {
      const requestId = callIdOf(req.headers, randomUUID);
      req.res?.setHeader('x-litellm-call-id', requestId); // so that a caller can find its line
      const by = changedBy(authenticated, req, { requestId, at: now() });

      const result = await sql.transaction(async (transaction) => {
        let lines = 0;
        const made = await work(transaction, async (change) => {
          lines += 1;
          await insertAuditLine(transaction, { id: randomUUID(), ...by, ...change });
        });
        if (lines === 0) throw new Error(`${req.method} ${req.path} has changed something that no audit line tells.`);
        return made;
      });
      if (req.res) markChanged(req.res);
      return result;
    },
  };
}
