import { connect } from 'nats';
import type { NatsConnection } from 'nats';
import { withTimeLimit } from '../../time-limit.ts';

/** A connection that comes back by itself for as long as the process lives. Throws when the first try fails. */
export async function openNats({
  url,
  name,
}: {
  url: string;
  name: string;
}): Promise<NatsConnection & AsyncDisposable> {
  const nats = await connect({
    ...serversOf(url),
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    timeout: 5_000,
    // Otherwise every publish that waits for a reply builds two errors first, for their stacks.
    noAsyncTraces: true,
    pingInterval: 2_000,
    maxPingOut: 2,
  });
  return Object.assign(nats, {
    [Symbol.asyncDispose]: async () => {
      // Drain sends what is buffered; a dead server must not keep the process from ending.
      await withTimeLimit('bus', 2_000, nats.drain()).catch(() => nats.close());
    },
  });
}

/** The client takes user and password, or a token, apart from the addresses; of several, the first that has them. */
function serversOf(url: string): { servers: string[]; user?: string; pass?: string; token?: string } {
  const parts = url.split(',').map((each) => /^(?<scheme>[a-z]+:\/\/)?(?:(?<who>.*)@)?(?<host>.*)$/i.exec(each.trim()));
  const servers = parts.map((part) => `${part?.groups?.['scheme'] ?? ''}${part?.groups?.['host'] ?? ''}`);
  const who = parts.map((part) => part?.groups?.['who']).find((each) => each !== undefined);
  if (who === undefined) return { servers };
  const [user = '', ...pass] = who.split(':');
  if (pass.length === 0) return { servers, token: decodeURIComponent(user) };
  return { servers, user: decodeURIComponent(user), pass: decodeURIComponent(pass.join(':')) };
}

/** Resolves when the server answers within a second. */
export async function pingNats(nats: NatsConnection): Promise<void> {
  await withTimeLimit('bus', 900, nats.flush());
}
