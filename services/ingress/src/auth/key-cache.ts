import type { CacheLimits } from './lookup-cache.ts';

/** A revoked key stops within a second: this, and the time that one look-up may take. */
export const keyCache: CacheLimits = { freshMs: 500, staleIfErrorMs: 3_600_000, maxEntries: 50_000 };
