import { randomUUID } from 'node:crypto';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import { readWhole } from '../chat/chat-event-reader.ts';
import { newToolCallId as randomToolCallId } from '../chat/new-tool-call-id.ts';
import { readChatStream } from '../chat/read-chat-stream.ts';
import { shownHeaders, withShownHeaders } from '../http/shown-headers.ts';
import { UpstreamExchange } from '../http/upstream-exchange.ts';
import type { UpstreamManners } from '../http/upstream-exchange.ts';
import { listOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';
import { ProviderError } from '../provider.ts';
import type { ChatCall, EmbeddingCall, ModerationCall, Provider, ProviderEvent, RerankCall } from '../provider.ts';
import { chatFormats } from './chat-formats.ts';
import { fromEmbedResponse, sumUsage } from './embed/from-embed-response.ts';
import { toEmbedRequests } from './embed/to-embed-request.ts';
import { errorFromUnknown, ociFailures } from './errors.ts';
import { fromGuardrailsResponse } from './guardrails/from-guardrails-response.ts';
import { categoriesOf, toGuardrailsRequests } from './guardrails/to-guardrails-requests.ts';
import type { OciSigners } from './identity/oci-signer.ts';
import { LearnedRules } from './learned-rules.ts';
import { openDeploymentClient } from './oci-http-client.ts';
import type { DeploymentClient, WholeOperation } from './oci-http-client.ts';
import { fromRerankResponse } from './rerank/from-rerank-response.ts';
import { toRerankRequest } from './rerank/to-rerank-request.ts';

/** Calls in flight for one request that is sent in parts. */
const partsInFlight = 4;

const shownNames = /^(opc-|x-ratelimit-|retry-after$|model-(deprecation|retirement)-info$)/;
const manners: UpstreamManners = { failures: ociFailures, requestIdHeaders: ['opc-request-id'] };

export interface OciProviderOptions {
  /** Not ours to close: other providers may sign with them too. */
  readonly signers: OciSigners;
  /** Open connections per deployment; further calls wait for one within their time limits. */
  readonly connectionsPerDeployment: number;
  readonly log?: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
  /** Epoch milliseconds; dates the signatures. */
  readonly now?: () => number;
  /** How long a stream may stay open after its finish: for the usage, and for the connection to be used again. */
  readonly graceMs?: number;
  /** For calls to which the model gave no id. */
  readonly newToolCallId?: () => string;
}

/**
 * OCI Generative AI. Connections open with a deployment's first call and live until the provider is disposed;
 * the `connectMs` of that first call holds for the deployment.
 *
 * A call whose signal is aborted throws the signal's reason.
 */
export function openOciProvider(options: OciProviderOptions): Required<Provider> {
  return new OciProvider(options);
}

class OciProvider implements Required<Provider> {
  readonly #options: Required<Omit<OciProviderOptions, 'log'>> & Pick<OciProviderOptions, 'log'>;
  /** By deployment and what its connections depend on, because a new configuration may change them. */
  readonly #clients = new Map<string, DeploymentClient>();
  /** The same for deployments that were called before: naming one costs more than the look-up. */
  readonly #known = new WeakMap<Deployment, DeploymentClient>();
  readonly #warned = new Set<string>();
  readonly #learned = new LearnedRules();

  constructor(options: OciProviderOptions) {
    this.#options = { now: Date.now, graceMs: 1000, newToolCallId: randomToolCallId, ...options };
  }

  /** Refused for the way in which it was put, a call is put in another way, once. */
  async *chat(call: ChatCall, signal: AbortSignal): AsyncGenerator<readonly ProviderEvent[]> {
    // In one generator: every step through another one costs several promises.
    for (let isRepeated = false; ; isRepeated = true) {
      const family = this.#learned.familyOf(call);
      const format = chatFormats[family.apiFormat];
      const request = format.toRequest(call, family);
      const { newToolCallId, graceMs } = this.#options;
      const topLogProbs = call.request.top_logprobs ?? 0;

      const { firstTokenMs: first, betweenTokensMs: between } = call.timeouts;
      const exchange = new UpstreamExchange({ first, between }, signal, manners);
      try {
        const client = this.#client(call.deployment, call.timeouts.connectMs);
        const answer = await client.chat(request, exchange, call);
        const accepted = this.#accepted(exchange, call.deployment);
        const isWhole = !exchange.isEventStream;
        const reader = format.createReader({ newToolCallId, topLogProbs, isWhole });
        if (isWhole) {
          yield [accepted, ...readWhole(reader, answer ?? {})];
          return;
        }
        yield [accepted];
        yield* readChatStream(exchange, reader, { failures: ociFailures, graceMs });
        return;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const failure = failureOf(error, exchange);
        if (isRepeated || !this.#learned.learn(call, failure)) throw failure;
        const { upstreamModel: model } = call.deployment;
        this.#options.log?.warn({ model, param: failure.param }, 'model refuses a parameter; asking without it');
      } finally {
        exchange.close();
      }
    }
  }

  async *embed(call: EmbeddingCall, signal: AbortSignal): AsyncGenerator<readonly ProviderEvent[]> {
    const requests = toEmbedRequests(call);
    const encoding = call.request.encoding_format ?? 'float';
    const usages: (Usage | null)[] = [];
    let answered = 0;
    for await (const { request, result, accepted } of this.#inParts('embedText', requests, call, signal)) {
      const count = listOf(request['inputs']).length;
      const { events, usage } = fromEmbedResponse(result, { firstIndex: answered, count, encoding });
      const batch = usages.length === 0 ? [accepted, ...events] : [...events];
      answered += count;
      usages.push(usage);
      const sum = usages.length === requests.length ? sumUsage(usages) : null;
      if (sum) batch.push({ type: 'usage', usage: sum });
      yield batch;
    }
  }

  async *rerank(call: RerankCall, signal: AbortSignal): AsyncGenerator<readonly ProviderEvent[]> {
    const { length: count } = call.request.documents;
    for await (const part of this.#inParts('rerankText', [toRerankRequest(call)], call, signal)) {
      yield [part.accepted, ...fromRerankResponse(part.result, count)];
    }
  }

  async *moderate(call: ModerationCall, signal: AbortSignal): AsyncGenerator<readonly ProviderEvent[]> {
    const wanted = categoriesOf(call);
    let answered = 0;
    for await (const part of this.#inParts('applyGuardrails', toGuardrailsRequests(call), call, signal)) {
      const found = fromGuardrailsResponse(part.result, answered, wanted);
      yield answered === 0 ? [part.accepted, found] : [found];
      answered += 1;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }

  /** The parts of one request, a few at a time, answered in their order. Leaving the iteration stops the others. */
  async *#inParts(
    operation: WholeOperation,
    requests: readonly WireObject[],
    call: EmbeddingCall | RerankCall | ModerationCall,
    signal: AbortSignal,
  ): AsyncGenerator<AnsweredPart> {
    const leave = new AbortController();
    const either = AbortSignal.any([signal, leave.signal]);
    const running: Promise<AnsweredPart>[] = [];
    let begun = 0;
    try {
      for (let answered = 0; answered < requests.length; answered += 1) {
        for (const request of requests.slice(begun, answered + partsInFlight)) {
          running.push(handled(this.#part(operation, request, call, either)));
          begun += 1;
        }
        const part = await running.shift();
        if (part) yield part;
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      // Other parts have been sent, whatever became of this one.
      throw error instanceof ProviderError && begun > 1 ? error.with({ mayBeBilled: true }) : error;
    } finally {
      leave.abort();
    }
  }

  async #part(
    operation: WholeOperation,
    request: WireObject,
    call: EmbeddingCall | RerankCall | ModerationCall,
    signal: AbortSignal,
  ): Promise<AnsweredPart> {
    const { firstTokenMs: first, betweenTokensMs: between } = call.timeouts;
    const exchange = new UpstreamExchange({ first, between }, signal, manners);
    try {
      const client = this.#client(call.deployment, call.timeouts.connectMs);
      const result = await client.ask(operation, request, exchange, call);
      return { request, result, accepted: this.#accepted(exchange, call.deployment) };
    } catch (error) {
      throw failureOf(error, exchange);
    } finally {
      exchange.close();
    }
  }

  #client(deployment: Deployment, connectMs: number): DeploymentClient {
    const known = this.#known.get(deployment);
    if (known) return known;
    const client = this.#open(deployment, connectMs);
    this.#known.set(deployment, client);
    return client;
  }

  #open(deployment: Deployment, connectMs: number): DeploymentClient {
    const { target } = deployment;
    if (target.api !== 'oci') throw new Error(`deployment ${deployment.id} speaks ${target.api}, not OCI's own API`);
    const { region, endpoint, identity } = target;
    const who = identity.type === 'api_key' ? [identity.user, identity.fingerprint] : [identity];
    const key = JSON.stringify([deployment.entryId ?? deployment.id, region, endpoint, ...who]);
    const known = this.#clients.get(key);
    if (known) return known;
    const { connectionsPerDeployment: connections, now } = this.#options;
    const signer = this.#options.signers.signerFor(identity);
    const client = openDeploymentClient(target, { signer, connections, connectMs, now, newSuffix });
    this.#clients.set(key, client);
    return client;
  }

  #accepted(exchange: UpstreamExchange, deployment: Deployment): Extract<ProviderEvent, { type: 'accepted' }> {
    const notice = exchange.header('model-deprecation-info') ?? exchange.header('model-retirement-info');
    if (notice !== null && !this.#warned.has(deployment.id)) {
      this.#warned.add(deployment.id);
      this.#options.log?.warn({ deploymentId: deployment.id, notice }, 'model is deprecated');
    }
    return {
      type: 'accepted',
      providerRequestId: exchange.providerRequestId,
      headers: shownHeaders(exchange, shownNames),
    };
  }
}

interface AnsweredPart {
  readonly request: WireObject;
  readonly result: WireObject;
  readonly accepted: ProviderEvent;
}

/** What went wrong, as a ProviderError. What goes wrong after the provider accepted lies in its answer. */
function failureOf(error: unknown, exchange: UpstreamExchange): ProviderError {
  const failure =
    exchange.isAccepted && !(error instanceof ProviderError)
      ? ociFailures.brokenAnswer('The answer cannot be read.', exchange.providerRequestId, error)
      : errorFromUnknown(error, exchange.wasSent);
  return withShownHeaders(failure, exchange, shownNames);
}

/** A part that fails while an earlier one is awaited must not count as unhandled. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** Cut from a UUID, since Node draws the bits of many UUIDs at once: an eighth of the cost of drawing 4 bytes. */
function newSuffix(): string {
  return randomUUID().slice(0, 8);
}
