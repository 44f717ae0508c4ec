import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import { errorCatalog } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import { ProviderError } from '../../services/worker/src/providers/provider.ts';
import type { ChatCall, Provider, ProviderEvent } from '../../services/worker/src/providers/provider.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import { latencyMs } from './world.ts';
import type { World } from './world.ts';

/** What a provider remembers of a call that it has taken, whatever became of it. */
export interface Bill {
  readonly callId: CallId;
  readonly deploymentId: string;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  outputTokens: number;
  /** The answer is written to its end. */
  isComplete: boolean;
  /** What it wrote. */
  text: string;
}

/** How often the provider does what. */
export interface ProviderHabits {
  readonly refuses: number;
  readonly breaksOff: number;
  readonly fallsSilent: number;
  /** The answer comes without counts. */
  readonly doesNotCount: number;
}

type FromProvider = { readonly batch: readonly ProviderEvent[] } | { readonly error: ProviderError } | 'end';

const refusals: readonly (readonly [ErrorCode, { mayBeBilled: boolean; retryAfterSeconds?: number }])[] = [
  ['provider_throttled', { mayBeBilled: false }],
  ['provider_throttled', { mayBeBilled: false, retryAfterSeconds: 1 }],
  ['provider_failed', { mayBeBilled: false }],
  ['provider_unavailable', { mayBeBilled: false }],
  ['provider_bad_gateway', { mayBeBilled: true }],
  ['provider_unreachable', { mayBeBilled: false }],
  ['provider_unreachable', { mayBeBilled: true }],
  ['provider_bad_request', { mayBeBilled: false }],
  ['context_window_exceeded', { mayBeBilled: false }],
];

/** The models' end: writes answers, bills what it writes, and is the witness that the books are held against. */
export class SimulatedProvider {
  readonly bills = new Map<CallId, Bill>();
  readonly #world: World;
  readonly #onCall: (callId: CallId) => void;
  #habits: ProviderHabits;

  /** @param onCall told of every call before it is sent */
  constructor(world: World, habits: ProviderHabits, onCall: (callId: CallId) => void) {
    this.#world = world;
    this.#onCall = onCall;
    this.#habits = habits;
  }

  behave(): void {
    this.#habits = { refuses: 0, breaksOff: 0, fallsSilent: 0, doesNotCount: 0 };
  }

  clientOf(process: SimulatedProcess): Provider {
    return {
      chat: (call, signal) => this.#chat(call, signal, process),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async *#chat(
    call: ChatCall,
    signal: AbortSignal,
    process: SimulatedProcess,
  ): AsyncGenerator<readonly ProviderEvent[]> {
    await call.mayBeSent;
    this.#onCall(call.callId);
    const exchange = new Exchange();
    const stop = () => exchange.close();
    signal.addEventListener('abort', stop, { once: true });
    const { time } = this.#world;
    time.after(latencyMs(this.#world), time.outside, `${process.name} > ${call.callId} to ${call.deployment.id}`, () =>
      this.#serve(call, exchange, process),
    );
    try {
      let silenceMaxMs = call.timeouts.firstTokenMs;
      for (;;) {
        const next = await exchange.next(silenceMaxMs);
        signal.throwIfAborted();
        if (next === 'silence') throw failure('provider_timeout', { mayBeBilled: true });
        if (next === 'end') return;
        if ('error' in next) throw next.error;
        silenceMaxMs = call.timeouts.betweenTokensMs;
        yield next.batch;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      exchange.close();
    }
  }

  /** At the provider's end, from here on. */
  #serve(call: ChatCall, exchange: Exchange, process: SimulatedProcess): void {
    const { random, time } = this.#world;
    const send = (item: FromProvider) =>
      time.after(
        exchange.inOrder(time.now + latencyMs(this.#world)) - time.now,
        process,
        `${call.callId} answers`,
        () => exchange.take(item),
      );
    const isGone = () => exchange.isClosed || process.state === 'dead';
    if (isGone() && random.chance(0.5)) return; // the connection was closed before it was read
    const [refusal, details] = random.pick(refusals);
    const isRefused = random.chance(this.#habits.refuses);
    if (isRefused && !details.mayBeBilled) return void send({ error: failure(refusal, details) });

    const bill = this.#bill(call);
    // It has worked all the same.
    if (isRefused) bill.outputTokens = random.int(0, call.outputTokensCap);
    if (isRefused) return void send({ error: failure(refusal, details) });
    this.#write(call, bill, { send, isGone });
  }

  #bill({ callId, deployment, request }: ChatCall): Bill {
    const { random } = this.#world;
    if (this.bills.has(callId)) this.#world.fail(`the provider is asked twice for ${callId}, and bills both`);
    const bytes = Buffer.byteLength(JSON.stringify(request.messages));
    const inputTokens = random.int(1, Math.max(1, Math.floor(bytes / 2)));
    const cachedInputTokens = random.chance(0.3) ? random.int(0, inputTokens) : 0;
    const counted = { inputTokens, cachedInputTokens, outputTokens: 0 };
    const bill = { callId, deploymentId: deployment.id, ...counted, isComplete: false, text: '' };
    this.bills.set(callId, bill);
    return bill;
  }

  #write(
    { callId, deployment, stream, outputTokensCap }: ChatCall,
    bill: Bill,
    { send, isGone }: { send: (item: FromProvider) => void; isGone: () => boolean },
  ): void {
    const { random, time } = this.#world;
    const toWrite = random.int(random.chance(0.1) ? 0 : 1, outputTokensCap);
    const breaksAfter = random.chance(this.#habits.breaksOff) ? random.int(0, toWrite) : Infinity;
    const silentAfter = random.chance(this.#habits.fallsSilent) ? random.int(0, toWrite) : Infinity;
    const counts = !random.chance(this.#habits.doesNotCount);
    const gapMs = random.int(1, 60);
    const whole: ProviderEvent[] = [];
    const tell = (batch: readonly ProviderEvent[]) => (stream ? send({ batch }) : void whole.push(...batch));
    tell([{ type: 'accepted', providerRequestId: `opc-${callId}`, headers: {} }]);

    const next = () => {
      if (isGone()) return; // it stops as soon as nobody listens
      if (bill.outputTokens >= silentAfter) return;
      if (bill.outputTokens >= breaksAfter) {
        return send({ error: failure('provider_bad_gateway', { mayBeBilled: true }) });
      }
      if (bill.outputTokens < toWrite) {
        const tokens = Math.min(random.int(1, 8), toWrite - bill.outputTokens);
        const text = Array.from({ length: tokens }, (_, n) => `${callId}/${bill.outputTokens + n} `).join('');
        bill.outputTokens += tokens;
        bill.text += text;
        tell([{ type: 'text-delta', choice: 0, text }]);
        return void time.after(random.int(1, gapMs), time.outside, `${callId} writes at ${deployment.id}`, next);
      }
      bill.isComplete = true;
      tell([{ type: 'choice-end', choice: 0, finishReason: 'stop' }]);
      if (counts) tell([{ type: 'usage', usage: usageOf(bill) }]);
      if (!stream) send({ batch: whole });
      send('end');
    };
    time.after(random.int(1, gapMs * 4), time.outside, `${callId} begins at ${deployment.id}`, next);
  }
}

export function usageOf({ inputTokens, outputTokens, cachedInputTokens }: Bill): Usage {
  return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens: 0 };
}

/** The worker's end of one call. */
class Exchange {
  isClosed = false;
  readonly #items: FromProvider[] = [];
  #wake: () => void = () => {};
  #lastArrivalAt = 0;

  /** What is sent first arrives first. */
  inOrder(at: number): number {
    this.#lastArrivalAt = Math.max(at, this.#lastArrivalAt + 1);
    return this.#lastArrivalAt;
  }

  take(item: FromProvider): void {
    this.#items.push(item);
    this.#wake();
  }

  close(): void {
    this.isClosed = true;
    this.#wake();
  }

  async next(silenceMaxMs: number): Promise<FromProvider | 'silence'> {
    const heard = Promise.withResolvers<void>();
    this.#wake = heard.resolve;
    if (this.#items.length > 0 || this.isClosed) heard.resolve();
    const timer = setTimeout(heard.resolve, silenceMaxMs);
    await heard.promise;
    clearTimeout(timer);
    if (this.isClosed) return 'silence'; // whoever closed it does not ask
    return this.#items.shift() ?? 'silence';
  }
}

function failure(
  code: ErrorCode,
  details: { readonly mayBeBilled: boolean; readonly retryAfterSeconds?: number },
): ProviderError {
  return new ProviderError(code, `litellm.APIError: simulated ${code}`, {
    status: errorCatalog[code].status,
    ...details,
  });
}
