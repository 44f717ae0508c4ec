import { GatewayError } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';

/** What an error means for a line. */
export type Outcome =
  /** It is the line's answer. */
  | { readonly type: 'result' }
  /** Not now, and nothing was billed that is known of: the line is put back. */
  | {
      readonly type: 'again';
      readonly code: ErrorCode;
      readonly afterMs: number;
      /** Something is overloaded: the batch rests for so long, and asks less often then; null: only the line waits. */
      readonly batchRestsMs: number | null;
    }
  /** No line of the batch can run until somebody changes something. */
  | { readonly type: 'pause'; readonly reason: ErrorCode };

/** Codes by which a line has not failed; every other one is its answer. */
const notFailed: Partial<Record<ErrorCode, 'later' | 'look-again' | 'pause'>> = {
  // Nothing of it has begun
  rate_limited: 'later',
  wait_too_long: 'later',
  queue_full: 'later',
  overloaded: 'later',
  all_deployments_in_cooldown: 'later',
  provider_throttled: 'later',
  dependency_unavailable: 'later',
  // Waited too long, or lost sight of: whoever asks again gets the answer if there is one
  deadline_exceeded: 'look-again',
  stream_interrupted: 'look-again',
  internal: 'look-again',
  // Somebody has to do something
  budget_exceeded: 'pause',
  key_unknown: 'pause',
  key_blocked: 'pause',
  key_expired: 'pause',
  team_blocked: 'pause',
  route_not_allowed: 'pause',
};

/** After the first try, the second, … ; a line that is refused often is asked for seldom. */
const firstPauseMs = 250;
const longestPauseMs = 30_000;
/** A bug does not go away. */
const internalTriesMax = 3;

export interface Tried {
  /** How often the line has been put back before. */
  readonly tries: number;
  /** The answer is one that was kept: it will not change. */
  readonly isReplayed: boolean;
}

export function outcomeOf(error: unknown, { tries, isReplayed }: Tried): Outcome {
  const known = error instanceof GatewayError ? error : new GatewayError('internal', 'Internal error.');
  const kind = isReplayed || isForGood(known) ? undefined : notFailed[known.code];
  if (kind === undefined || (known.code === 'internal' && tries >= internalTriesMax - 1)) return { type: 'result' };
  if (kind === 'pause') return { type: 'pause', reason: known.code };
  const ownMs = Math.min(firstPauseMs * 2 ** tries, longestPauseMs);
  const askedMs = (known.retryAfterSeconds ?? 0) * 1_000;
  const batchRestsMs = kind === 'later' ? Math.min(askedMs, longestPauseMs) : null;
  return { type: 'again', code: known.code, afterMs: Math.max(ownMs, askedMs), batchRestsMs };
}

/** A request that counts for more than the whole limit would always be refused. */
function isForGood({ headers }: GatewayError): boolean {
  return headers['x-should-retry'] === 'false';
}
