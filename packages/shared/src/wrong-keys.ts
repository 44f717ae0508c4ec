import { isIPv6 } from 'node:net';
import { GatewayError } from './errors.ts';
import type { KeyHash } from './ids.ts';

/** Wrong keys that are put up with at once, and how soon one more is: 20, then one a second. */
const wrongKeysMax = 20;
const refillMs = 1_000;
/** Client addresses that are remembered; with more, the one that has been quiet longest is forgotten. */
const clientsMax = 10_000;
/** Wrong keys that are told apart per address; with more, the one that has been quiet longest is forgotten. */
const keysPerClientMax = 64;

/** What may still be tried: `tokens` at the moment `at`, and one more every `refillMs`; `trying` of them just are. */
interface Bucket {
  tokens: number;
  at: number;
  trying: number;
}

interface Client extends Bucket {
  readonly keys: Map<KeyHash, Bucket>;
}

/**
 * Slows down who tries keys that do not exist, by client address, before the database is asked.
 *
 * Many teams may share an address. So a wrong key that is sent again and again, as a forgotten client does, uses up its
 * own tries alone; only keys that were never tried before use up those of the address. And a key that this process
 * knows is never asked about here. Whether another one that is refused here exists all the same, who asks may find out
 * in a cheaper way than looking it up.
 * What is answered from memory costs nothing and counts for nothing.
 *
 * Of this process alone: with several ingresses, each counts what it sees.
 */
export class WrongKeys {
  readonly #clients = new Map<string, Client>();
  readonly #now: () => number;

  constructor({ now }: { readonly now: () => number }) {
    this.#now = now;
  }

  /**
   * Looks a key up, if it may be, and counts it when there is none.
   *
   * @throws GatewayError too_many_wrong_keys, with the time after which one more is looked at; what `find` throws
   */
  async watch<T>(address: string, hash: KeyHash, find: () => Promise<T | null>): Promise<T | null> {
    const network = networkOf(address);
    const bucket = this.#bucketFor(network, hash);
    if (bucket !== undefined) bucket.trying += 1;
    try {
      const found = await find();
      if (found === null) this.#wrong(network, hash);
      return found;
    } finally {
      if (bucket !== undefined) bucket.trying -= 1;
    }
  }

  /** Whether this very key is held up for itself, because it was wrong when it came from there lately. */
  wasWrong(address: string, hash: KeyHash): boolean {
    return this.#clients.get(networkOf(address))?.keys.has(hash) ?? false;
  }

  /** undefined: nothing is known against it. */
  #bucketFor(network: string, hash: KeyHash): Bucket | undefined {
    const client = this.#clients.get(network);
    const bucket = client?.keys.get(hash) ?? client;
    if (bucket === undefined) return undefined;
    const now = this.#now();
    refill(bucket, now);
    // Without wrong keys lately, as many may come at once as do: the users of an address, when an ingress starts.
    const isFree = bucket.tokens === wrongKeysMax || bucket.tokens - bucket.trying >= 1;
    if (!isFree) throw tooMany(Math.max(1, Math.ceil((bucket.at + refillMs - now) / 1_000)));
    return bucket;
  }

  #wrong(network: string, hash: KeyHash): void {
    const now = this.#now();
    const client = latest(this.#clients, network, clientsMax, () => ({ ...full(now), keys: new Map() }));
    const isNew = !client.keys.has(hash);
    const key = latest(client.keys, hash, keysPerClientMax, () => full(now));
    for (const bucket of isNew ? [client, key] : [key]) {
      refill(bucket, now);
      bucket.tokens = Math.max(0, bucket.tokens - 1);
    }
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#clients.size;
  }
}

function full(at: number): Bucket {
  return { tokens: wrongKeysMax, at, trying: 0 };
}

/** A clock that was set back gives nothing, and takes nothing. */
function refill(bucket: Bucket, now: number): void {
  const steps = Math.floor((now - bucket.at) / refillMs);
  if (steps < 0 || bucket.tokens + steps >= wrongKeysMax) {
    bucket.tokens = steps < 0 ? bucket.tokens : wrongKeysMax;
    bucket.at = now;
  } else {
    bucket.tokens += steps;
    bucket.at += steps * refillMs;
  }
}

/** The entry, put last; the one that was used longest ago goes when there are too many. */
function latest<K, V>(entries: Map<K, V>, key: K, max: number, make: () => V): V {
  const entry = entries.get(key) ?? make();
  entries.delete(key);
  entries.set(key, entry);
  const [oldest] = entries.keys();
  if (entries.size > max && oldest !== undefined) entries.delete(oldest);
  return entry;
}

/** What one client has: an IPv4 address, or the 64 bits of an IPv6 network, in which it chooses the rest. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return (mapped ?? address).slice(0, 64);
  const [head = '', tail = ''] = address.split('%', 1)[0]?.split('::') ?? [];
  const [before, after] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = address.includes('::') ? 8 - (before?.length ?? 0) - (after?.length ?? 0) : 0;
  const groups = [...(before ?? []), ...Array<string>(Math.max(0, zeros)).fill('0'), ...(after ?? [])];
  return groups
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(':');
}

function tooMany(retryAfterSeconds: number): GatewayError {
  return new GatewayError(
    'too_many_wrong_keys',
    'Too many wrong keys from this address. Check the key, then try again.',
    {
      retryAfterSeconds,
    },
  );
}
