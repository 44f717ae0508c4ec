import type { RequestHandler } from 'express';
import { forReaders } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { atMost, sumsMax } from './truncated.ts';

/** GET /global/spend/all_tag_names. Every tag that a request ever carried, the first ten thousand of them. */
export const allTagNames = knownNames('tag', 'tag_names');

/** GET /global/all_end_users. Every customer that a request ever named. */
export const allEndUsers = knownNames('customer', 'end_users');

function knownNames(of: 'tag' | 'customer', member: string): (deps: SpendDeps) => RequestHandler {
  return (deps) =>
    forReaders(deps, async (_req, res) => {
      res.json({ [member]: atMost(sumsMax, await deps.reports.names({ of, limit: sumsMax + 1 }), res) });
    });
}
