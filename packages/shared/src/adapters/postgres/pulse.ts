import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import { GatewayError } from '../../errors.ts';
import { withTimeLimit } from '../../time-limit.ts';

/** Together the second in which a client is promised its 503. */
const restMs = 250;
const beatLimitMs = 750;

/** What had been at work for longer when the pulse was lost is no quick question: it keeps the limit of its own. */
const patientAfterMs = 1_500;

/** Whether a database answers, by a connection of its own: that of no query, so that no long one is taken for a loss. */
export interface Pulse extends AsyncDisposable {
  /**
   * What `call` gives; refused at once while the database is away, and given up as soon as it is found to be. The call
   * itself is not undone: only what may be carried out or not, without anybody minding, is called so.
   *
   * @param since when the work began that this is a part of, by `performance.now()`
   * @throws GatewayError dependency_unavailable
   */
  whileLive<T>(call: () => Promise<T>, since: number): Promise<T>;

  /** Refuses as `whileLive` does, for a call that is then waited for to its end. */
  requireLive(since: number): void;
}

/**
 * Asks the database four times a second whether it is there. One that is dead, frozen or a second late is known to be
 * away within a second, and to be back with its first answer in time.
 *
 * @throws when the first answer does not come
 */
export async function openPulse(config: ClientConfig): Promise<Pulse> {
  const stopping = new AbortController();
  /** Of all that is waited for. */
  const giveUps = new Set<() => void>();
  let client: Client | null = await connect();
  let isLive = true;
  const watching = watch();
  const isPatient = (since: number) => performance.now() - since > patientAfterMs;
  const requireLive = (since: number) => {
    if (!isLive && !isPatient(since)) throw databaseAway();
  };

  return {
    requireLive,
    async whileLive(call, since) {
      requireLive(since);
      const loss = Promise.withResolvers<never>();
      const giveUp = () => {
        if (!isPatient(since)) loss.reject(databaseAway());
      };
      giveUps.add(giveUp);
      try {
        return await Promise.race([call(), loss.promise]);
      } finally {
        giveUps.delete(giveUp);
      }
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await watching;
      await client?.end();
    },
  };

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      const beat = ask();
      isLive = await withTimeLimit('database', beatLimitMs, beat).then(
        () => true,
        () => false,
      );
      if (!isLive) for (const giveUp of giveUps) giveUp();
      await beat.catch(() => undefined); // one question at a time; each has an end
      await wait(restMs, undefined, { ref: false, signal: stopping.signal }).catch(() => undefined);
    }
  }

  async function ask(): Promise<void> {
    client ??= await connect();
    const asked = client;
    try {
      await asked.query('select 1');
    } catch (error) {
      client = null;
      void asked.end().catch(() => undefined);
      throw error;
    }
  }

  async function connect(): Promise<Client> {
    const connecting = new Client(config);
    connecting.on('error', () => undefined); // the next question hears of it
    await connecting.connect();
    return connecting;
  }
}

export function databaseAway(cause?: unknown): GatewayError {
  return new GatewayError('dependency_unavailable', "The gateway's database is not available. Try again in a moment.", {
    retryAfterSeconds: 1,
    cause,
  });
}
