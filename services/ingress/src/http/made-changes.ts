import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '@sluice/shared/errors.ts';

interface Told {
  readonly headers: IncomingHttpHeaders;
}

/** Requests that have changed something, told apart by their headers. */
const changed = new WeakSet<IncomingHttpHeaders>();

export function markChanged({ headers }: Told): void {
  changed.add(headers);
}

/** The same error, unless it invites to repeat a request that has already changed something. */
export function withoutRepeat(thrown: unknown, { headers }: Told): unknown {
  if (!changed.has(headers) || !(thrown instanceof GatewayError) || thrown.code !== 'dependency_unavailable') {
    return thrown;
  }
  const message =
    'The change was made, or a part of it, and then something that its answer needs was not available. Look at what there is before you try again.';
  return new GatewayError('outcome_unknown', message, { cause: thrown });
}
