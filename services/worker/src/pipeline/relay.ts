import { regionOf } from '@sluice/shared/config/region-group.ts';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { AnswerStart, TokenEvent } from '@sluice/shared/contracts/token-event.ts';
import { ProviderError } from '../providers/provider.ts';
import type { ProviderEvent } from '../providers/provider.ts';
import type { AnswerWriter } from './answer-writer.ts';
import { stopReasonOf } from './job-context.ts';
import type { StopReason } from './job-context.ts';
import { createMeter } from './meter.ts';
import type { Meter } from './meter.ts';
import { apiBaseOf } from './place-of.ts';

/** How a call ended. A failed answer is an outcome here, not an exception. */
export interface CallEnd {
  readonly type: 'completed' | 'failed' | 'stopped';
  /** The provider accepted the call, or may have. */
  readonly mayBeBilled: boolean;
  /** The client may have seen some of it: nothing may be tried again. */
  readonly hasContent: boolean;
  readonly error: ProviderError | null;
  readonly stopped: StopReason | null;
  readonly meter: Meter;
  readonly providerRequestId: string | null;
  readonly firstTokenAt: number | null;
}

/** What is passed on to whom, and what its start tells. */
interface Relayed {
  readonly writer: Pick<AnswerWriter, 'write'>;
  readonly deployment: Deployment;
  readonly tries: Pick<AnswerStart, 'retries' | 'maxRetries' | 'fallbacks' | 'maxFallbacks' | 'fallbackErrors'>;
  readonly queueMs: number;
}

/**
 * Passes a call's content on to the client and watches what it uses. The start of the answer is announced with its
 * first content, so that a call which fails before it can be tried again unseen.
 */
export async function relay(
  events: AsyncIterable<readonly ProviderEvent[]>,
  answer: Relayed,
  { signal, now }: { signal: AbortSignal; now: () => number },
): Promise<CallEnd> {
  const meter = createMeter();
  let accepted: Extract<ProviderEvent, { type: 'accepted' }> | null = null;
  let firstTokenAt: number | null = null;
  const ended = (end: Pick<CallEnd, 'type' | 'mayBeBilled' | 'error' | 'stopped'>): CallEnd => ({
    ...end,
    hasContent: firstTokenAt !== null,
    meter,
    providerRequestId: accepted?.providerRequestId ?? end.error?.providerRequestId ?? null,
    firstTokenAt,
  });

  try {
    for await (const batch of events) {
      // A worker that lost its job must not write into an answer that has moved on.
      if (stopReasonOf(signal) === 'lock-lost') break;
      const passedOn: TokenEvent[] = [];
      for (const event of batch) {
        meter.note(event);
        if (event.type === 'accepted') accepted = event;
        else if (event.type !== 'usage') passedOn.push(event);
      }
      if (passedOn.length === 0) continue;
      if (firstTokenAt === null) {
        firstTokenAt = now();
        passedOn.unshift(answerStart(answer, accepted?.headers ?? {}));
      }
      answer.writer.write(passedOn);
    }
    const stopped = stopReasonOf(signal);
    if (stopped) return ended({ type: 'stopped', mayBeBilled: true, error: null, stopped });
    return ended({ type: 'completed', mayBeBilled: true, error: null, stopped: null });
  } catch (error) {
    const stopped = stopReasonOf(signal);
    if (stopped) return ended({ type: 'stopped', mayBeBilled: true, error: null, stopped });
    const known =
      error instanceof ProviderError
        ? error
        : new ProviderError('internal', 'Internal error.', { status: 500, mayBeBilled: true, cause: error });
    return ended({ type: 'failed', mayBeBilled: accepted !== null || known.mayBeBilled, error: known, stopped: null });
  }
}

function answerStart({ deployment, tries, queueMs }: Relayed, headers: Readonly<Record<string, string>>): AnswerStart {
  return {
    type: 'answer-start',
    model: deployment.model,
    alias: deployment.alias,
    deploymentId: deployment.id,
    apiBase: apiBaseOf(deployment),
    region: regionOf(deployment),
    ...tries,
    providerHeaders: headers,
    queueMs,
  };
}
