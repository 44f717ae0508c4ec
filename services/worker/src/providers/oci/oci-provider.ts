import { randomBytes } from 'node:crypto';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import { ProviderError } from '../provider.ts';
import type { ChatCall, EmbeddingCall, Provider, ProviderEvent } from '../provider.ts';
import { chatFormats } from './chat-formats.ts';
import { ChatStream } from './chat-stream.ts';
import { fromEmbedResponse, sumUsage } from './embed/from-embed-response.ts';
import { toEmbedRequests } from './embed/to-embed-request.ts';
import { brokenAnswer, errorFromUnknown } from './errors.ts';
import { chatFamilyOf } from './model-family.ts';
import { isAccepted, isEventStream, openDeploymentClient } from './oci-http-client.ts';
import type { DeploymentClient } from './oci-http-client.ts';
import { UpstreamExchange } from './upstream-exchange.ts';
import { listOf } from './wire.ts';
import type { WireObject } from './wire.ts';

/** Calls in flight for one embedding request. */
const embedParallel = 4;

export interface OciProviderOptions {
  /** Open connections per deployment; further calls wait for one within their time limits. */
  readonly connectionsPerDeployment: number;
  readonly log?: { warn(message: string, fields: Readonly<Record<string, unknown>>): void };
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
  readonly #warned = new Set<string>();

  constructor(options: OciProviderOptions) {
    this.#options = { now: Date.now, graceMs: 1000, newToolCallId: randomToolCallId, ...options };
  }

  async *chat(call: ChatCall, signal: AbortSignal): AsyncGenerator<readonly ProviderEvent[]> {
    const family = chatFamilyOf(call.deployment.upstreamModel);
    const format = chatFormats[family.apiFormat];
    const request = format.toRequest(call, family);
    const { newToolCallId, graceMs } = this.#options;

    const { firstTokenMs: first, betweenTokensMs: between } = call.timeouts;
    const exchange = new UpstreamExchange({ first, between }, signal);
    try {
      const client = this.#client(call.deployment, call.timeouts.connectMs);
      const answer = await client.chat(request, exchange, call);
      if (!isEventStream(exchange)) {
        yield [this.#accepted(exchange, call.deployment), ...format.fromResponse(answer ?? {}, newToolCallId)];
        return;
      }

      yield [this.#accepted(exchange, call.deployment)];
      const stream = new ChatStream(format.createEventReader(newToolCallId), exchange.providerRequestId);
      while (stream.state !== 'complete') {
        const bytes = await exchange.read();
        const batch: ProviderEvent[] = [];
        const failure = readInto(stream, bytes, batch, exchange);
        if (!failure) awaitNext(stream, exchange, graceMs);
        if (batch.length > 0) yield batch;
        if (failure) throw failure;
      }
      exchange.release(graceMs);
    } catch (error) {
      throw signal.aborted ? signal.reason : failureOf(error, exchange);
    } finally {
      exchange.close();
    }
  }

  async *embed(call: EmbeddingCall, signal: AbortSignal): AsyncGenerator<readonly ProviderEvent[]> {
    const requests = toEmbedRequests(call);
    const encoding = call.request.encoding_format ?? 'float';
    const leave = new AbortController();
    const either = AbortSignal.any([signal, leave.signal]);
    const running: Promise<EmbedPart>[] = [];
    const usages: (Usage | null)[] = [];
    let begun = 0;
    let answered = 0;
    try {
      while (usages.length < requests.length) {
        for (const request of requests.slice(begun, usages.length + embedParallel)) {
          running.push(handled(this.#embedPart(call, request, either)));
          begun += 1;
        }
        const part = await running.shift();
        if (!part) break;
        const count = listOf(part.request['inputs']).length;
        const { events, usage } = fromEmbedResponse(part.result, { firstIndex: answered, count, encoding });
        const batch = usages.length === 0 ? [part.accepted, ...events] : [...events];
        answered += count;
        usages.push(usage);
        const sum = usages.length === requests.length ? sumUsage(usages) : null;
        if (sum) batch.push({ type: 'usage', usage: sum });
        yield batch;
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw error instanceof ProviderError && begun > 1 ? billed(error) : error;
    } finally {
      leave.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }

  async #embedPart(call: EmbeddingCall, request: WireObject, signal: AbortSignal): Promise<EmbedPart> {
    const { firstTokenMs: first, betweenTokensMs: between } = call.timeouts;
    const exchange = new UpstreamExchange({ first, between }, signal);
    try {
      const client = this.#client(call.deployment, call.timeouts.connectMs);
      const result = await client.embedText(request, exchange, call);
      return { request, result, accepted: this.#accepted(exchange, call.deployment) };
    } catch (error) {
      throw failureOf(error, exchange);
    } finally {
      exchange.close();
    }
  }

  #client(deployment: Deployment, connectMs: number): DeploymentClient {
    const { target } = deployment;
    if (target.api !== 'oci') throw new Error(`deployment ${deployment.id} speaks ${target.api}, not OCI's own API`);
    const { region, endpoint, identity } = target;
    const who = identity.type === 'api_key' ? [identity.user, identity.fingerprint] : [identity];
    const key = JSON.stringify([deployment.entryId ?? deployment.id, region, endpoint, ...who]);
    const known = this.#clients.get(key);
    if (known) return known;
    const { connectionsPerDeployment: connections, now } = this.#options;
    const client = openDeploymentClient(target, { connections, connectMs, now, newSuffix });
    this.#clients.set(key, client);
    return client;
  }

  #accepted(exchange: UpstreamExchange, deployment: Deployment): Extract<ProviderEvent, { type: 'accepted' }> {
    const notice = exchange.header('model-deprecation-info') ?? exchange.header('model-retirement-info');
    if (notice !== null && !this.#warned.has(deployment.id)) {
      this.#warned.add(deployment.id);
      this.#options.log?.warn('model is deprecated', { deploymentId: deployment.id, notice });
    }
    return { type: 'accepted', providerRequestId: exchange.providerRequestId, headers: headersToShow(exchange) };
  }
}

interface EmbedPart {
  readonly request: WireObject;
  readonly result: WireObject;
  readonly accepted: ProviderEvent;
}

/** What could be read is in `batch`, also when it ends in a failure: text before an error is the client's. */
function readInto(
  stream: ChatStream,
  bytes: Buffer | null,
  batch: ProviderEvent[],
  exchange: UpstreamExchange,
): ProviderError | null {
  try {
    if (bytes === null) stream.end(batch);
    else stream.push(bytes, batch);
    return null;
  } catch (error) {
    return failureOf(error, exchange);
  }
}

/** What went wrong, as a ProviderError. What goes wrong after the provider accepted lies in its answer. */
function failureOf(error: unknown, exchange: UpstreamExchange): ProviderError {
  if (error instanceof ProviderError) return error;
  return isAccepted(exchange)
    ? brokenAnswer('The answer cannot be read.', exchange.providerRequestId, error)
    : errorFromUnknown(error, exchange.wasSent);
}

/** Sets the time limit for what comes next. A read without an event is silence. */
function awaitNext(stream: ChatStream, exchange: UpstreamExchange, graceMs: number): void {
  if (stream.state === 'closing') exchange.expectEnd(graceMs);
  else if (stream.state === 'streaming' && stream.takeCount() > 0) exchange.eventsArrived();
}

const shownHeaders = /^(opc-|x-ratelimit-|retry-after$|model-(deprecation|retirement)-info$)/;

function headersToShow(exchange: UpstreamExchange): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const name of Object.keys(exchange.headers)) {
    const value = shownHeaders.test(name) ? exchange.header(name) : null;
    if (value !== null) shown[name] = value;
  }
  return shown;
}

/** Other parts of the request have been sent, whatever became of this one. */
function billed(error: ProviderError): ProviderError {
  const { code, message, status, param, retryAfterSeconds, providerRequestId } = error;
  const details = { status, param, retryAfterSeconds, providerRequestId, mayBeBilled: true, cause: error };
  return new ProviderError(code, message, details);
}

/** A part that fails while an earlier one is awaited must not count as unhandled. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function randomToolCallId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}

function newSuffix(): string {
  return randomBytes(4).toString('hex');
}
