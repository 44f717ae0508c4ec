import { GatewayError } from '@sluice/shared/errors.ts';
import type { UsageFilter } from '@sluice/shared/ports/spend-reports.ts';
import type { Request, RequestHandler, Response } from 'express';
import type { Authenticated } from '../../auth/authenticated.ts';
import { hashOf } from '../../auth/hash-key.ts';
import { keyFromHeaders } from '../../auth/key-from-headers.ts';
import { requireAdmin } from '../../auth/require-admin.ts';
import type { SpendDeps } from './spend-deps.ts';

/** Who asks about spend, and what they may see of it; contract §2.11. */
export interface Reader {
  readonly authenticated: Authenticated;
  /** What all that they see is narrowed to; empty: they see everything. */
  readonly own: UsageFilter;
  /** The only key whose rows they see; undefined: all. */
  readonly ownKey: string | undefined;
}

type Answer = (req: Request, res: Response, reader: Reader) => Promise<void> | void;

/** A route that everybody may ask, about what they spent themselves. */
export function forEverybody({ authenticate }: Pick<SpendDeps, 'authenticate'>, answer: Answer): RequestHandler {
  return async (req, res) => answer(req, res, readerOf(await authenticate(req.headers)));
}

/** A route about everybody's spend. */
export function forOperators({ authenticate }: Pick<SpendDeps, 'authenticate'>, answer: Answer): RequestHandler {
  return async (req, res) => {
    const reader = readerOf(await authenticate(req.headers));
    if (reader.ownKey !== undefined) requireAdmin(reader.authenticated, req.path);
    return answer(req, res, reader);
  };
}

/**
 * What is asked for, as far as the reader may see it.
 *
 * @throws GatewayError route_not_allowed for who names others
 */
export function within({ own, authenticated }: Reader, asked: UsageFilter): UsageFilter {
  for (const field of ['keyHash', 'userId'] as const) {
    const mine = own[field];
    if (mine === undefined || asked[field] === undefined || asked[field].every((one) => mine.includes(one))) continue;
    throw new GatewayError(
      'route_not_allowed',
      `You are not allowed to see the spend of others. Your role=${authenticated.role}`,
    );
  }
  return { ...asked, ...own };
}

/** The hash of a key that is named raw or by its hash. The operator knows the master key, the books its name. */
export function keyHashIn(req: Request, { authenticated }: Reader, rawOrHash: string): string {
  return rawOrHash === keyFromHeaders(req.headers) ? authenticated.caller.keyHash : hashOf(rawOrHash);
}

function readerOf(authenticated: Authenticated): Reader {
  const { keyHash, userId } = authenticated.caller;
  const role: string = authenticated.role;
  if (role === 'proxy_admin' || role === 'proxy_admin_viewer') return { authenticated, own: {}, ownKey: undefined };
  const own = userRoles.has(role) && userId !== null ? { userId: [userId] } : { keyHash: [keyHash] };
  return { authenticated, own, ownKey: keyHash };
}

/** Whose keys read what their user spent, with all keys. */
const userRoles: ReadonlySet<string> = new Set(['org_admin', 'internal_user', 'internal_user_viewer']);
