import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { ContentEvent, Usage } from '@sluice/shared/contracts/token-event.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { RerankRequest } from '@sluice/shared/api/cohere/rerank.ts';
import type { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import type { ModerationRequest } from '@sluice/shared/api/openai/moderation.ts';

/** What a provider says of a call, besides content. */
export type ProviderEvent =
  | ContentEvent
  /** Always first: the provider has accepted the call, so it may bill it. */
  | {
      readonly type: 'accepted';
      readonly providerRequestId: string | null;
      readonly headers: Readonly<Record<string, string>>;
    }
  /** The provider's own counts. Last when several come. A call that ends without one is counted by the gateway. */
  | { readonly type: 'usage'; readonly usage: Usage };

/**
 * A model provider. Its calls yield batches: the events that arrived together travel together. What it cannot do is
 * absent, and refused before anything is sent.
 * The iteration ends when the answer is complete; it throws `ProviderError` when it is not: refused, cut off,
 * silent for too long. Leaving the iteration or aborting `signal` closes the upstream connection at once.
 */
export interface Provider extends AsyncDisposable {
  chat(call: ChatCall, signal: AbortSignal): AsyncIterable<readonly ProviderEvent[]>;
  embed?(call: EmbeddingCall, signal: AbortSignal): AsyncIterable<readonly ProviderEvent[]>;
  /** Yields `rank` events, the best first. */
  rerank?(call: RerankCall, signal: AbortSignal): AsyncIterable<readonly ProviderEvent[]>;
  /** Yields a `moderation` event for each text, in order. */
  moderate?(call: ModerationCall, signal: AbortSignal): AsyncIterable<readonly ProviderEvent[]>;
}

export interface ChatCall {
  /** Sent upstream as the client's part of the request id: ties the provider's records to our books. */
  readonly callId: CallId;
  readonly deployment: Deployment;
  /** As the client sent it, with the deployment's defaults filled in. */
  readonly request: ChatCompletionRequest;
  readonly stream: boolean;
  /** Always sent upstream: OCI's own default is about 20 tokens. */
  readonly outputTokensCap: number;
  readonly dropParams: boolean;
  readonly timeouts: CallTimeouts;
  /**
   * Resolves once whoever would take the job over knows of this call. What is sent upstream waits for it; preparing,
   * signing for instance, need not. When it rejects, nothing may be sent, and the call throws the reason.
   */
  readonly mayBeSent: Promise<void>;
}

export type EmbeddingCall = WholeCall<EmbeddingRequest>;
export type RerankCall = WholeCall<RerankRequest>;
export type ModerationCall = WholeCall<ModerationRequest>;

/** A call whose answer is never streamed. */
interface WholeCall<Request> {
  /** As for chat; a request that is split has it in every part. */
  readonly callId: CallId;
  readonly deployment: Deployment;
  readonly request: Request;
  readonly dropParams: boolean;
  readonly timeouts: CallTimeouts;
  readonly mayBeSent: Promise<void>;
}

export interface CallTimeouts {
  readonly connectMs: number;
  /** From the request sent to the first event (streams) or the whole answer. */
  readonly firstTokenMs: number;
  /** The longest silence within a stream. */
  readonly betweenTokensMs: number;
}

interface ProviderErrorDetails {
  readonly status: number;
  readonly param?: string | null;
  readonly retryAfterSeconds?: number | null;
  readonly mayBeBilled: boolean;
  readonly providerRequestId?: string | null;
  readonly providerCode?: string | null;
  readonly providerHeaders?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A call that failed, in the words of the error catalogue. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  /** One of the `provider_…`, `context_window_exceeded`, `content_policy_violation`, `unsupported_parameter` codes. */
  readonly code: ErrorCode;
  /** The provider's HTTP status, or the one that fits when there was none. */
  readonly status: number;
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;
  /** The provider may have generated, and so may bill: repeating the call can cost twice. */
  readonly mayBeBilled: boolean;
  readonly providerRequestId: string | null;
  /** The provider's own machine-readable word for it. */
  readonly providerCode: string | null;
  /** Of its answer, those that clients are shown, lower case, as of an accepted call; none when there was no answer. */
  readonly providerHeaders: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, details: ProviderErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.param = details.param ?? null;
    this.retryAfterSeconds = details.retryAfterSeconds ?? null;
    this.mayBeBilled = details.mayBeBilled;
    this.providerRequestId = details.providerRequestId ?? null;
    this.providerCode = details.providerCode ?? null;
    this.providerHeaders = details.providerHeaders ?? {};
  }

  /** The same error but for what is given; this one is its cause. */
  with({ message = this.message, ...details }: Partial<ProviderErrorDetails> & { message?: string }): ProviderError {
    const { status, param, retryAfterSeconds, mayBeBilled, providerRequestId, providerCode, providerHeaders } = this;
    return new ProviderError(this.code, message, {
      status,
      param,
      retryAfterSeconds,
      mayBeBilled,
      providerRequestId,
      providerCode,
      providerHeaders,
      ...details,
      cause: this,
    });
  }
}
