import { DatabaseError, Pool, TypeOverrides, types } from 'pg';
import { GatewayError } from '../../errors.ts';
import type { Sql, SqlPool, TransactionOptions } from '../../ports/sql.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?…`. Secret. */
  url: string;
  /** Connections at most; one more query waits for one, within `connectTimeoutMs`. */
  max?: number;
  /** How this process is called in `pg_stat_activity`. */
  applicationName: string;
  /** No query takes longer, whether the server works, hangs or is gone. */
  statementTimeoutMs?: number;
  /** For a connection: a new one, or one that another query gives back. */
  connectTimeoutMs?: number;
  /** An idle connection broke. The pool has replaced it already; this is for the log. */
  onError?: (error: Error) => void;
}

/**
 * A pool on PostgreSQL. `bigint` columns arrive as strings: as numbers they would lose nano-dollars.
 *
 * Rejects with GatewayError dependency_unavailable when the database is down, frozen or too slow; whatever else
 * PostgreSQL says is passed on, with its SQLSTATE in `code`.
 *
 * @throws when the first connection fails
 */
export async function openPostgres(options: PostgresOptions): Promise<SqlPool & AsyncDisposable> {
  const { url, max = 10, applicationName, statementTimeoutMs = 5000, connectTimeoutMs = 2000, onError } = options;
  const pool = new Pool({
    connectionString: url,
    max,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: onServer(statementTimeoutMs),
    query_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs * 2,
    keepAlive: true,
    types: ourTypes,
  });
  pool.on('error', (error) => onError?.(error)); // without a listener the process would end

  try {
    await lend(pool, (client) => client.query('select 1'));
  } catch (error) {
    await close(pool, statementTimeoutMs);
    throw error;
  }

  return {
    query: (text, values) => lend(pool, (client) => client.query(text, values)),
    transaction: (work, limits = {}) => lend(pool, (client) => inTransaction(client, work, limits), limits),
    [Symbol.asyncDispose]: () => close(pool, statementTimeoutMs),
  };
}

interface LentConnection extends Sql {
  /** Not known to be in step with the server: it will be thrown away, and the server then rolls back by itself. */
  readonly broken: boolean;
}

/** The server gives up a little before us, so that a slow query costs an error and not the connection. */
function onServer(statementTimeoutMs: number): number {
  return Math.ceil(statementTimeoutMs * 0.9);
}

async function lend<T>(
  pool: Pool,
  use: (connection: LentConnection) => Promise<T>,
  { statementTimeoutMs }: TransactionOptions = {},
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw ourError(error);
  });
  let broken = false;
  const onBreak = () => (broken = true);
  client.on('error', onBreak); // a lent client has no other listener, and an unheard error ends the process
  const connection: LentConnection = {
    get broken() {
      return broken;
    },
    async query(text, values) {
      try {
        return await client.query<Record<string, unknown>>({
          text,
          ...(values !== undefined && { values: [...values] }),
          ...(statementTimeoutMs !== undefined && { query_timeout: statementTimeoutMs }),
        });
      } catch (error) {
        broken ||= !isAnswer(error);
        throw ourError(error);
      }
    },
  };
  try {
    return await use(connection);
  } finally {
    client.removeListener('error', onBreak);
    client.release(broken);
  }
}

async function inTransaction<T>(
  connection: LentConnection,
  work: (sql: Sql) => Promise<T>,
  { statementTimeoutMs }: TransactionOptions,
): Promise<T> {
  await connection.query('begin');
  try {
    if (statementTimeoutMs !== undefined) {
      await connection.query(`set local statement_timeout = ${onServer(statementTimeoutMs)}`);
    }
    const result = await work(connection);
    await connection.query('commit');
    return result;
  } catch (error) {
    // What counts is the first error; a rollback that fails breaks the connection, which is as good.
    if (!connection.broken) await connection.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** True when the server itself refused the statement, so that the connection is still in step with it. */
function isAnswer(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.severity !== 'FATAL' && error.severity !== 'PANIC';
}

/** SQLSTATE classes: 08 connection, 53 resources, 57 operator intervention (shutdown, statement timeout). */
function ourError(error: unknown): unknown {
  if (isAnswer(error) && !/^(08|53|57)/.test(error.code ?? '')) return error;
  return new GatewayError('dependency_unavailable', "The gateway's database is not available. Try again in a moment.", {
    retryAfterSeconds: 1,
    cause: error,
  });
}

/** Waits for queries that run, but not for a frozen server to say goodbye. */
async function close(pool: Pool, deadlineMs: number): Promise<void> {
  const giveUp = Promise.withResolvers<void>();
  const timer = setTimeout(giveUp.resolve, deadlineMs);
  try {
    await Promise.race([pool.end(), giveUp.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Ours alone: the parsers of the package `pg` are shared by all that use it in this process. */
const ourTypes = new TypeOverrides();
ourTypes.setTypeParser(types.builtins.INT8, String);
