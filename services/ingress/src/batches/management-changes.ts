import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { count } from '../sql/columns.ts';

/** Tells that somebody has changed something: a budget, a key, a team. */
export interface Changes {
  /** Until disposed. */
  listen(listener: () => void): Disposable;
}

const Counted = z.object({ changes: count });

/** By the number of the last line of the audit log, which each change has; looked at only while somebody listens. */
export class ManagementChanges implements Changes {
  readonly #sql: Sql;
  readonly #listeners = new Set<() => void>();
  #last: number | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  listen(listener: () => void): Disposable {
    // Each its own, so that who listens twice is told twice.
    const own = () => listener();
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  async look(): Promise<void> {
    if (this.#listeners.size === 0) {
      this.#last = null;
      return;
    }
    const { rows } = await this.#sql.query(
      'select case when is_called then last_value else 0 end as changes from ingress.audit_log_seq',
    );
    const { changes } = Counted.parse(rows[0]);
    const isNew = this.#last !== null && changes !== this.#last;
    this.#last = changes;
    if (isNew) for (const listener of this.#listeners) listener();
  }
}
