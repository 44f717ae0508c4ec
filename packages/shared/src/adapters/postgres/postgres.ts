import { DatabaseError, Pool, TypeOverrides, types } from 'pg';
import type { PoolClient } from 'pg';
import { GatewayError } from '../../errors.ts';
import type { Sql, SqlPool, TransactionOptions } from '../../ports/sql.ts';
import { databaseAway, openPulse } from './pulse.ts';
import type { Pulse } from './pulse.ts';

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
  /**
   * For processes that somebody waits for: with one connection more the server is watched, and what is asked while it is
   * away is refused at once instead of at its limit. So is what had been asked for no longer than a second or so, unless
   * it may have changed something: that has its limit to say so.
   */
  watched?: boolean;
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
  const settings = {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
  };
  const pool = new Pool({
    ...settings,
    max,
    statement_timeout: onServer(statementTimeoutMs),
    query_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs * 2,
    types: ourTypes,
  });
  let isClosed = false;
  // Without a listener the process would end. What goes with its server after us is no failure of it.
  pool.on('error', (error) => {
    if (!isClosed) onError?.(error);
  });

  let pulse: Pulse | null = null;
  try {
    await lend(pool, (client) => client.query('select 1'));
    if (options.watched === true) pulse = await openPulse({ ...settings, query_timeout: connectTimeoutMs });
  } catch (error) {
    await close(pool, null, statementTimeoutMs);
    throw ourError(error);
  }

  return {
    query: (text, values) =>
      lend(pool, (client) => (mayChange(text) ? client.toItsEnd(text, values) : client.query(text, values)), { pulse }),
    transaction: (work, limits = {}) =>
      lend(pool, (client) => inTransaction(client, work, limits), { ...limits, pulse }),
    [Symbol.asyncDispose]: () => {
      isClosed = true;
      return close(pool, pulse, statementTimeoutMs);
    },
  };
}

/** Of a statement by itself. One in a transaction changes nothing before the commit. */
function mayChange(text: string): boolean {
  return /\b(?:insert|update|delete|merge)\b/i.test(text);
}

interface LentConnection extends Sql {
  /** Waited for also when the server is away meanwhile, until the statement's own limit: what it did is to be known. */
  toItsEnd: Sql['query'];
  /** Not known to be in step with the server: it will be thrown away, and the server then rolls back by itself. */
  readonly broken: boolean;
}

/** The server gives up a little before us, so that a slow query costs an error and not the connection. */
function onServer(statementTimeoutMs: number): number {
  return Math.ceil(statementTimeoutMs * 0.9);
}

interface LendOptions extends TransactionOptions {
  readonly pulse?: Pulse | null;
}

async function lend<T>(
  pool: Pool,
  use: (connection: LentConnection) => Promise<T>,
  { statementTimeoutMs, pulse = null }: LendOptions = {},
): Promise<T> {
  const since = performance.now();
  const whileLive = <R>(call: () => Promise<R>) => (pulse === null ? call() : pulse.whileLive(call, since));
  const client = await take(pool, whileLive);
  let broken = false;
  const onBreak = () => (broken = true);
  client.on('error', onBreak); // a lent client has no other listener, and an unheard error ends the process
  const ask = (text: string, values?: readonly unknown[]) =>
    client.query<Record<string, unknown>>({
      text,
      ...(values !== undefined && { values: [...values] }),
      ...(statementTimeoutMs !== undefined && { query_timeout: statementTimeoutMs }),
    });
  const answer = async <R>(asked: Promise<R>) => {
    try {
      return await asked;
    } catch (error) {
      broken ||= !isAnswer(error);
      throw ourError(error);
    }
  };
  const connection: LentConnection = {
    get broken() {
      return broken;
    },
    query: (text, values) => answer(whileLive(() => ask(text, values))),
    toItsEnd: async (text, values) => {
      pulse?.requireLive(since); // what has not been sent yet can still be refused
      return answer(ask(text, values));
    },
  };
  try {
    return await use(connection);
  } finally {
    client.removeListener('error', onBreak);
    client.release(broken);
  }
}

async function take(pool: Pool, whileLive: <R>(call: () => Promise<R>) => Promise<R>): Promise<PoolClient> {
  let taking: Promise<PoolClient> | undefined;
  try {
    return await whileLive(() => (taking = pool.connect()));
  } catch (error) {
    void taking?.then(
      (client) => client.release(), // it came too late for us
      () => undefined,
    );
    throw ourError(error);
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
    await commit(connection);
    return result;
  } catch (error) {
    // What counts is the first error; a rollback that fails breaks the connection, which is as good.
    if (!connection.broken) await connection.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** @throws GatewayError outcome_unknown when nobody can say whether it has happened */
async function commit(connection: LentConnection): Promise<void> {
  if (connection.broken) throw databaseAway();
  try {
    await connection.toItsEnd('commit');
  } catch (error) {
    if (!connection.broken) throw error;
    const message =
      "The gateway's database did not say whether the change was made. Look at what there is before you try again.";
    throw new GatewayError('outcome_unknown', message, { cause: error });
  }
}

/** True when the server itself refused the statement, so that the connection is still in step with it. */
function isAnswer(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.severity !== 'FATAL' && error.severity !== 'PANIC';
}

/** SQLSTATE classes: 08 connection, 53 resources, 57 operator intervention (shutdown, statement timeout). */
function ourError(error: unknown): unknown {
  if (isAnswer(error) && !/^(08|53|57)/.test(error.code ?? '')) return error;
  return error instanceof GatewayError ? error : databaseAway(error);
}

/** Waits for queries that run, but not for a frozen server to say goodbye. */
async function close(pool: Pool, pulse: Pulse | null, deadlineMs: number): Promise<void> {
  const giveUp = Promise.withResolvers<void>();
  const timer = setTimeout(giveUp.resolve, deadlineMs);
  try {
    await Promise.race([Promise.all([pool.end(), pulse?.[Symbol.asyncDispose]()]), giveUp.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Ours alone: the parsers of the package `pg` are shared by all that use it in this process. */
const ourTypes = new TypeOverrides();
ourTypes.setTypeParser(types.builtins.INT8, String);
