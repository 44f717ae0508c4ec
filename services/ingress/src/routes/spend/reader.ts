import { GatewayError } from '@sluice/shared/errors.ts';
import type { UsageFilter, UsageQuery } from '@sluice/shared/ports/spend-reports.ts';
import type { Request, RequestHandler, Response } from 'express';
import type { Authenticated } from '../../auth/authenticated.ts';
import { authorize, seesAll } from '../../auth/authorize.ts';
import { hashOf } from '../../auth/hash-key.ts';
import { keyFromHeaders } from '../../auth/key-from-headers.ts';
import type { SpendDeps } from './spend-deps.ts';

/** Who asks about spend, and what they may see of it; contract §2.11. */
export interface Reader {
  readonly authenticated: Authenticated;
  /** What all that they see is narrowed to; empty: they see everything. */
  readonly own: Own;
}

/** What a user's keys spent together, or where a key has no user with a role, the key. */
type Own = Readonly<Partial<Record<'userId' | 'keyHash', readonly [string]>>>;

/** A route about spend, for who may call it at all: its row in auth/authorize.ts says who that is. */
export function forReaders(
  { authenticate }: Pick<SpendDeps, 'authenticate'>,
  answer: (req: Request, res: Response, reader: Reader) => Promise<void> | void,
): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    return answer(req, res, { authenticated, own: ownOf(authenticated) });
  };
}

/**
 * What is asked for, as far as the reader may see it.
 *
 * @throws GatewayError route_not_allowed for who names others
 */
export function within(reader: Reader, asked: UsageFilter): UsageFilter {
  if (isOwn(reader, asked)) return { ...asked, ...reader.own };
  throw new GatewayError(
    'route_not_allowed',
    `You are not allowed to see the spend of others. Your role=${reader.authenticated.role}`,
  );
}

/** The same, with all that was spent in the teams, or organizations, that the reader administers. */
export function withinAdministered(
  reader: Reader,
  asked: UsageFilter,
  administered: UsageFilter,
): Pick<UsageQuery<never>, 'where' | 'either'> {
  if (reader.own.userId === undefined) return { where: within(reader, asked) };
  return { where: asked, either: { ...reader.own, ...administered } };
}

/** The same of one key and one user; null: of what is asked for the reader sees nothing. */
export function rowsWithin(
  reader: Reader,
  { keyHash, userId }: { readonly keyHash: string | undefined; readonly userId: string | undefined },
): { readonly keyHash: string | undefined; readonly userId: string | undefined } | null {
  const asked = {
    keyHash: keyHash === undefined ? undefined : [keyHash],
    userId: userId === undefined ? undefined : [userId],
  };
  if (!isOwn(reader, asked)) return null;
  const { own } = reader;
  return { keyHash: own.keyHash?.[0] ?? keyHash, userId: own.userId?.[0] ?? userId };
}

/** The hash of a key that is named raw or by its hash. The operator knows the master key, the books its name. */
export function keyHashIn(req: Request, { authenticated }: Reader, rawOrHash: string): string {
  return rawOrHash === keyFromHeaders(req.headers) ? authenticated.caller.keyHash : hashOf(rawOrHash);
}

function isOwn({ own }: Reader, asked: UsageFilter): boolean {
  return (['keyHash', 'userId'] as const).every((field) => {
    const [mine, named] = [own[field], asked[field]];
    return mine === undefined || named === undefined || named.every((one) => mine.includes(one));
  });
}

function ownOf(authenticated: Authenticated): Own {
  const { keyHash, userId } = authenticated.caller;
  if (seesAll(authenticated)) return {};
  return authenticated.role !== 'key' && userId !== null ? { userId: [userId] } : { keyHash: [keyHash] };
}
