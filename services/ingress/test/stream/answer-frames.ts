import { createMemoryTokenBus } from '@sluice/shared/adapters/memory/memory-token-bus.ts';
import type { AnswerStart, TokenEvent } from '@sluice/shared/contracts/token-event.ts';
import { RequestId } from '@sluice/shared/ids.ts';
import type { Awaits, FrameListener, Inbox } from '@sluice/shared/ports/token-bus.ts';
import { openAnswer } from '../../src/stream/open-answer.ts';
import type { AnswerEvents, Restart } from '../../src/stream/open-answer.ts';

export const requestId = RequestId.parse('chatcmpl-answer');

export const start: AnswerStart = {
  type: 'answer-start',
  model: 'oci/xai.grok-4',
  alias: 'sample',
  deploymentId: 'deployment',
  apiBase: 'https://provider',
  region: null,
  retries: 0,
  fallbacks: 0,
  providerHeaders: {},
  queueMs: 1,
};
export const text = (words: string, choice = 0): TokenEvent => ({ type: 'text-delta', choice, text: words });
export const finish: TokenEvent = { type: 'choice-end', choice: 0, finishReason: 'stop' };
export const end: TokenEvent = {
  type: 'answer-end',
  usage: { inputTokens: 3, outputTokens: 2, cachedInputTokens: 1, reasoningTokens: 0 },
  costNanoUsd: 7,
};
export const failure: TokenEvent = {
  type: 'answer-error',
  code: 'provider_failed',
  message: 'litellm.InternalServerError: OciException - no',
  param: null,
  retryAfterSeconds: null,
};

/** An answer and the worker's end of it. Frames are numbered by themselves unless `seq` says otherwise. */
export function openTestAnswer({ deadlineInMs = 60_000, stream = true } = {}) {
  let listener: FrameListener | undefined;
  let awaits: Awaits | undefined;
  const inbox: Inbox = {
    address: 'inbox',
    listen(_requestId, added, said) {
      listener = added;
      awaits = said;
      return { [Symbol.dispose]: () => (listener = undefined) };
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const answer = openAnswer(inbox, { requestId, stream, deadlineAt: deadlineInMs }, () => 0);
  const seqs = new Map<number, number>();
  return {
    answer,
    get isListening() {
      return listener !== undefined;
    },
    awaited: (attempt: number) => awaits?.(attempt),
    send(events: readonly TokenEvent[], { attempt = 1, seq = seqs.get(attempt) ?? 0 } = {}): void {
      seqs.set(attempt, seq + 1);
      listener?.({ version: 1, requestId, attempt, seq, events: [...events] });
    },
    [Symbol.dispose]: () => answer[Symbol.dispose](),
  };
}

/** All events until the answer ends. */
export async function allOf(answer: AnswerEvents): Promise<(TokenEvent | Restart)[]> {
  const events: (TokenEvent | Restart)[] = [];
  for await (const batch of answer) for (const event of batch) events.push(event);
  return events;
}

/** An answer over the memory bus, so that frames arrive as they do in service: later, and through the codec. */
export async function openBusAnswer() {
  const bus = createMemoryTokenBus();
  const inbox = await bus.openInbox();
  const answer = openAnswer(inbox, { requestId, stream: true, deadlineAt: Date.now() + 60_000 }, Date.now);
  let seq = 0;
  return {
    answer,
    send(...events: readonly TokenEvent[]): void {
      bus.publish(inbox.address, { version: 1, requestId, attempt: 1, seq, events: [...events] });
      seq += 1;
    },
    restart(...events: readonly TokenEvent[]): void {
      bus.publish(inbox.address, { version: 1, requestId, attempt: 2, seq: 0, events: [...events] });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      answer[Symbol.dispose]();
      await inbox[Symbol.asyncDispose]();
    },
  };
}
