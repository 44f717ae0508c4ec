import { GatewayError } from '@sluice/shared/errors.ts';

/** Of a response: Express's place for what is known of its request. */
interface Answering {
  readonly locals: Record<string, unknown>;
}

const mark = 'hasChanged';

/** The request has changed something, whatever becomes of it from here on. */
export function markChanged({ locals }: Answering): void {
  locals[mark] = true;
}

/** The same error, unless it invites to repeat a request that has already changed something. */
export function withoutRepeat(thrown: unknown, { locals }: Answering): unknown {
  if (locals[mark] !== true || !(thrown instanceof GatewayError) || thrown.code !== 'dependency_unavailable') {
    return thrown;
  }
  const message =
    'The change was made, or a part of it, and then something that its answer needs was not available. Look at what there is before you try again.';
  return new GatewayError('outcome_unknown', message, { cause: thrown });
}
