import { createAuthenticate } from '../../src/auth/create-authenticate.ts';
import type { VirtualKey } from '../../src/tenancy/virtual-key.ts';
import { principalOf, virtualKey } from './virtual-keys.ts';

/** An authenticator that knows these keys, by what clients send. */
export function authenticateOf(keys: Readonly<Record<string, Partial<VirtualKey>>>) {
  const stored = new Map(Object.entries(keys).map(([raw, set]) => [virtualKey(raw).hash, virtualKey(raw, set)]));
  const { authenticate } = createAuthenticate({
    masterKey: 'sk-master',
    findPrincipal: async (hash) => {
      const key = stored.get(hash);
      return key === undefined ? null : principalOf(key);
    },
    findKnown: async () => stored,
    now: Date.now,
    cache: { freshMs: 500, staleIfErrorMs: 0, maxEntries: 10 },
  });
  return authenticate;
}
