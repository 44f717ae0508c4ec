import { isFlag, isNumber, isPatch, isText, isWord, orNull, type Check } from './checks.ts';

/** One call that the simulator accepted, and so charged for. */
export interface BilledCall {
  /** `opc-request-id` of the response. */
  readonly callId: string;
  /** `opc-request-id` of the request, if it had one. */
  readonly clientRequestId: string | null;
  readonly retryToken: string | null;
  readonly model: string;
  readonly format: 'GENERIC' | 'COHERE' | 'COHEREV2' | 'EMBED' | 'RERANK' | 'GUARDRAILS';
  readonly streamed: boolean;
  readonly promptTokens: number;
  /** All that was generated, reasoning included: what `totalTokens` − `promptTokens` says on the wire. */
  readonly completionTokens: number;
  /** The part of `completionTokens` that was reasoning. */
  readonly reasoningTokens: number;
  /** The part of `promptTokens` that came from the provider's cache. */
  readonly cachedTokens: number;
  /** Of a rerank: documents, in hundreds that were begun. */
  readonly searchUnits?: number;
  /** Whether the whole answer was written: its last event, or the last byte of its body. */
  readonly completed: boolean;
  /** Epoch milliseconds, by the simulator's clock. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** A call between its acceptance and its end. */
export interface OpenCall {
  /** Adds tokens of the answer, as they are written. */
  generated(tokens: number): void;
  /** Books the call. Only the first time counts. */
  close(how: { completed: boolean }): void;
}

export type CallStart = Omit<BilledCall, 'completed' | 'startedAt' | 'endedAt'>;

export interface BillBook {
  billed(): readonly BilledCall[];
  clear(): void;
  open(start: CallStart): OpenCall;
  callsInFlight(model?: string): number;
  /** The book is a witness and forgets nothing, so at its bound calls have to be refused. */
  isFull(): boolean;
}

const maxBilledCalls = 2_000_000;

export function createBillBook(now: () => number): BillBook {
  let booked: BilledCall[] = [];
  let allInFlight = 0;
  const inFlight = new Map<string, number>();
  const count = (model: string, change: number): void => {
    allInFlight += change;
    inFlight.set(model, (inFlight.get(model) ?? 0) + change);
  };

  return {
    billed: () => booked,
    clear: () => {
      booked = [];
    },
    callsInFlight: (model) => (model === undefined ? allInFlight : (inFlight.get(model) ?? 0)),
    isFull: () => booked.length >= maxBilledCalls,
    open: (start) => {
      const startedAt = now();
      let { completionTokens } = start;
      let open = true;
      count(start.model, 1);
      return {
        generated: (tokens) => {
          completionTokens += tokens;
        },
        close: ({ completed }) => {
          if (!open) return;
          open = false;
          count(start.model, -1);
          const reasoningTokens = Math.min(start.reasoningTokens, completionTokens);
          booked.push({ ...start, completionTokens, reasoningTokens, completed, startedAt, endedAt: now() });
        },
      };
    },
  };
}

const isCount = isNumber(0, Number.MAX_SAFE_INTEGER);

const isPartOfCall = isPatch<BilledCall>({
  callId: isText,
  clientRequestId: orNull(isText),
  retryToken: orNull(isText),
  model: isText,
  format: isWord('GENERIC', 'COHERE', 'COHEREV2', 'EMBED', 'RERANK', 'GUARDRAILS'),
  streamed: isFlag,
  promptTokens: isCount,
  completionTokens: isCount,
  reasoningTokens: isCount,
  cachedTokens: isCount,
  searchUnits: isCount,
  completed: isFlag,
  startedAt: isCount,
  endedAt: isCount,
});

export const isBilledCall: Check<BilledCall> = (value): value is BilledCall =>
  isPartOfCall(value) && value.callId !== undefined && value.endedAt !== undefined;
