/** A PostgreSQL connection or pool, as far as the code that holds the SQL needs one. A `pg.Pool` fits. */
export interface Sql {
  /** @param values bound to $1, $2, … in order; never spliced into the text */
  query(text: string, values?: readonly unknown[]): Promise<{ rows: unknown[]; rowCount: number | null }>;
}

/** A pool that can also lend one connection for a transaction. */
export interface SqlPool extends Sql {
  /** Runs `work` between `begin` and `commit`; a throw rolls back and is passed on. */
  transaction<T>(work: (sql: Sql) => Promise<T>, options?: TransactionOptions): Promise<T>;
}

export interface TransactionOptions {
  /** For each of its statements, instead of the pool's own limit. */
  readonly statementTimeoutMs?: number;
}
