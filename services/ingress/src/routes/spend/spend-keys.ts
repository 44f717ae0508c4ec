import type { RequestHandler } from 'express';
import { keyRowsOf } from '../management/keys/key-info-of.ts';
import { forReaders, type Reader } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { sumsMax, tellTruncated } from './truncated.ts';

/** GET /spend/keys. Keys with all that is set on them, by what they have spent in their budget's current window. */
export function spendKeys(deps: SpendDeps): RequestHandler {
  return forReaders(deps, async (_req, res, reader) => {
    const { keys, total } = await keysOf(deps, reader);
    if (total > keys.length) tellTruncated(res);
    const rows = await keyRowsOf(keys, deps);
    res.json(rows.toSorted((a, b) => b.spend - a.spend));
  });
}

/** The newest keys that there are, of those that the reader sees. */
async function keysOf({ keys, now }: SpendDeps, { own }: Reader) {
  const filter = { substringMatching: false, now: now(), hash: own.keyHash?.[0], userId: own.userId?.[0] };
  return keys.list(filter, { page: 1, size: sumsMax, sortBy: 'created_at', descending: true });
}
