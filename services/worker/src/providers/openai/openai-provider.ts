import { randomBytes } from 'node:crypto';
import type { Deployment, OpenAiTarget } from '@sluice/shared/config/gateway-config.ts';
import { readWhole } from '../chat/chat-event-reader.ts';
import { converse } from '../chat/converse.ts';
import type { Conversation, ConverseManners } from '../chat/converse.ts';
import { newToolCallId as randomToolCallId } from '../chat/new-tool-call-id.ts';
import { DeploymentPools } from '../http/deployment-pools.ts';
import { failuresOf } from '../http/failures-of.ts';
import { ourHeaders } from '../http/json-post.ts';
import type { JsonPost } from '../http/json-post.ts';
import type { WireObject } from '../http/wire.ts';
import type { OciSigners } from '../oci/identity/oci-signer.ts';
import { ProviderError } from '../provider.ts';
import type { ChatCall, EmbeddingCall, Provider, ProviderEvent } from '../provider.ts';
import { createChatCompletionReader } from './chat-completion-reader.ts';
import { fromEmbeddingList } from './from-embedding-list.ts';
import { sendAuthorized } from './send-authorized.ts';
import { toChatRequest } from './to-chat-request.ts';
import { toEmbeddingRequest } from './to-embedding-request.ts';

const shownNames = /^(x-request-id|opc-request-id|apim-request-id|x-ratelimit-.*|retry-after|openai-.*)$/;
const requestIdHeaders = ['x-request-id', 'opc-request-id', 'apim-request-id'];

export interface OpenAiProviderOptions {
  /** For OCI's compatible surface. Not ours to close: other providers may sign with them too. */
  readonly signers: OciSigners;
  /** Open connections per deployment; further calls wait for one within their time limits. */
  readonly connectionsPerDeployment: number;
  /** Epoch milliseconds; dates the signatures. */
  readonly now?: () => number;
  /**
   * How long a stream may stay open after its finish. The usage comes behind it, and is what the call costs, so the
   * wait is long; servers that end their streams as they should are not waited for.
   */
  readonly graceMs?: number;
  /** For calls to which the model gave no id. */
  readonly newToolCallId?: () => string;
}

/**
 * Everything that speaks OpenAI's API: OpenAI, Azure, Groq, OpenRouter, Ollama, vLLM, OCI's compatible surface.
 * Connections open with a deployment's first call and live until the provider is disposed; the `connectMs` of that
 * first call holds for the deployment.
 *
 * A call whose signal is aborted throws the signal's reason.
 */
export function openOpenAiProvider(options: OpenAiProviderOptions): Provider & Required<Pick<Provider, 'embed'>> {
  return new OpenAiProvider(options);
}

class OpenAiProvider implements Provider {
  readonly #options: Required<OpenAiProviderOptions>;
  readonly #pools: DeploymentPools;
  /** Servers that do not know `stream_options`, by address: learned once per process. */
  readonly #refuseUsage = new Set<string>();

  constructor(options: OpenAiProviderOptions) {
    this.#options = { now: Date.now, graceMs: 5000, newToolCallId: randomToolCallId, ...options };
    this.#pools = new DeploymentPools(options.connectionsPerDeployment);
  }

  async *chat(call: ChatCall, signal: AbortSignal): AsyncGenerator<readonly ProviderEvent[]> {
    const { baseUrl } = targetOf(call.deployment);
    const asksForUsage = call.stream && !this.#refuseUsage.has(baseUrl);
    try {
      yield* this.#chat(call, asksForUsage, signal);
    } catch (error) {
      if (!asksForUsage || !isAboutUsage(error)) throw error;
      this.#refuseUsage.add(baseUrl);
      yield* this.#chat(call, false, signal);
    }
  }

  async *embed(call: EmbeddingCall, signal: AbortSignal): AsyncGenerator<readonly ProviderEvent[]> {
    const manners = this.#mannersOf(call.deployment);
    const count = typeof call.request.input === 'string' ? 1 : call.request.input.length;
    const encoding = call.request.encoding_format ?? 'float';
    const conversation: Conversation = {
      timeouts: call.timeouts,
      send: this.#sender(call, '/embeddings', toEmbeddingRequest(call)),
      fromWhole: (list) => fromEmbeddingList(list, { count, encoding }, manners.failures),
      streamReader: null,
    };
    yield* converse(conversation, manners, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pools[Symbol.asyncDispose]();
  }

  #chat(call: ChatCall, asksForUsage: boolean, signal: AbortSignal): AsyncGenerator<readonly ProviderEvent[]> {
    const { request } = call;
    const manners = this.#mannersOf(call.deployment);
    const readerFor = (isWhole: boolean) =>
      createChatCompletionReader({
        isWhole,
        failures: manners.failures,
        choices: request.n ?? 1,
        topLogProbs: request.top_logprobs ?? 0,
        newToolCallId: this.#options.newToolCallId,
      });
    const body = toChatRequest(call, targetOf(call.deployment), { asksForUsage });
    const conversation: Conversation = {
      timeouts: call.timeouts,
      send: this.#sender(call, '/chat/completions', body),
      fromWhole: (completion) => readWhole(readerFor(true), completion),
      streamReader: () => readerFor(false),
    };
    return converse(conversation, manners, signal);
  }

  #mannersOf({ id, target, provider }: Deployment): ConverseManners {
    const { auth } = targetOf({ id, target });
    const { graceMs, now } = this.#options;
    const failures = failuresOf(provider, 'apiKey' in auth ? auth.apiKey : null);
    return { failures, requestIdHeaders, shownNames, graceMs, now };
  }

  #sender(call: ChatCall | EmbeddingCall, path: string, json: WireObject): Conversation['send'] {
    const { deployment, callId, mayBeSent, timeouts } = call;
    const target = targetOf(deployment);
    const url = new URL(`${target.baseUrl}${path}`);
    for (const [name, value] of Object.entries(target.query)) url.searchParams.set(name, value);
    const post: JsonPost = {
      path: url.pathname + url.search,
      host: url.host,
      body: Buffer.from(JSON.stringify(json)),
      headers: { ...ourHeaders, ...idHeaders(callId, target), ...target.headers },
    };
    const { signers, now } = this.#options;
    return (exchange) => {
      const pool = this.#pools.poolOf(deployment, url.origin, timeouts.connectMs);
      return sendAuthorized(post, target.auth, exchange, { pool, mayBeSent, signers, now });
    };
  }
}

/** Ties the provider's records to ours: OpenAI has a header for it, OCI two; others ignore it. */
function idHeaders(callId: string, { auth }: OpenAiTarget): Record<string, string> {
  if (auth.type !== 'oci') return { 'x-client-request-id': callId };
  const id = `${callId}.${randomBytes(4).toString('hex')}`;
  return { 'opc-request-id': id, 'opc-retry-token': id };
}

function targetOf({ id, target }: Pick<Deployment, 'id' | 'target'>): OpenAiTarget {
  if (target.api !== 'openai') throw new Error(`deployment ${id} speaks ${target.api}, not OpenAI's API`);
  return target;
}

/** The server refused to be asked for the usage of a stream: it said so, and did nothing. */
function isAboutUsage(error: unknown): boolean {
  return (
    error instanceof ProviderError &&
    !error.mayBeBilled &&
    (error.status === 400 || error.status === 422) &&
    /stream_options|include_usage/.test(`${error.param ?? ''} ${error.message}`)
  );
}
