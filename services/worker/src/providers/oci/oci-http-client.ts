import { CircuitBreaker, NoRetryConfigurationDetails } from 'oci-common';
import type { HttpClient } from 'oci-common';
import { GenerativeAiInferenceClient } from 'oci-generativeaiinference';
import type { models } from 'oci-generativeaiinference';
import { Pool } from 'undici';
import type { OciIdentity, OciTarget } from '@sluice/shared/config/gateway-config.ts';
import { ProviderError } from '../provider.ts';
import type { ChatCall } from '../provider.ts';
import { brokenAnswer, errorFromHttp } from './errors.ts';
import { signPost, signingIdentityOf } from './signing.ts';
import type { SigningIdentity } from './signing.ts';
import type { UpstreamExchange } from './upstream-exchange.ts';
import { isObject } from './wire.ts';
import type { WireObject } from './wire.ts';

/** Shorter than the idle time of the load balancers we know, so that we close first. */
const keepAliveMs = 10_000;

export interface DeploymentClientOptions {
  readonly connections: number;
  readonly connectMs: number;
  readonly now: () => number;
  /** Eight characters that tell the requests of one call apart. */
  readonly newSuffix: () => string;
}

/** One deployment's inference service, through the SDK, over connections of its own. */
export interface DeploymentClient extends AsyncDisposable {
  /**
   * @returns the chat response, or null when the answer is a stream: then the exchange has it
   * @throws ProviderError, or the exchange's failure
   */
  chat(request: WireObject, exchange: UpstreamExchange, call: BegunCall): Promise<WireObject | null>;
  embedText(request: WireObject, exchange: UpstreamExchange, call: BegunCall): Promise<WireObject>;
}

/** What a request must know of the call that it belongs to. */
type BegunCall = Pick<ChatCall, 'callId' | 'mayBeSent' | 'deployment'>;

export function openDeploymentClient(oci: OciTarget, options: DeploymentClientOptions): DeploymentClient {
  const http = new OciHttpClient(signerOf(oci.identity), options);
  const sdk = new GenerativeAiInferenceClient(
    { httpClient: http },
    {
      retryConfiguration: NoRetryConfigurationDetails,
      circuitBreaker: new CircuitBreaker({ disableClientCircuitBreaker: true }),
    },
  );
  if (oci.endpoint === null) sdk.regionId = oci.region;
  else sdk.endpoint = oci.endpoint.replace(/\/+$/, '');

  return {
    async chat(chatRequest, exchange, begun) {
      const call = http.begin(exchange, begun);
      try {
        const answer: unknown = await sdk.chat({ ...call, chatDetails: asSdk({ ...placeOf(begun), chatRequest }) });
        return isObject(answer) ? wireAnswerOf(answer['chatResult'], 'chatResponse', exchange) : null;
      } finally {
        http.end(call);
      }
    },
    async embedText(request, exchange, begun) {
      const call = http.begin(exchange, begun);
      try {
        const answer: unknown = await sdk.embedText({
          ...call,
          embedTextDetails: asSdk({ ...placeOf(begun), ...request }),
        });
        return wireAnswerOf(isObject(answer) ? answer['embedTextResult'] : null, null, exchange);
      } finally {
        http.end(call);
      }
    },
    [Symbol.asyncDispose]: async () => {
      sdk.close();
      await http[Symbol.asyncDispose]();
    },
  };
}

/** Whose bill, and which model: the models of a wildcard share a client. */
function placeOf({ deployment: { target, upstreamModel } }: BegunCall): WireObject {
  if (target.api !== 'oci') throw new Error(`a deployment that speaks ${target.api}, not OCI's own API`);
  const { compartmentId, servingMode } = target;
  return {
    compartmentId,
    servingMode:
      servingMode.type === 'ON_DEMAND'
        ? { servingType: 'ON_DEMAND', modelId: upstreamModel }
        : { servingType: 'DEDICATED', endpointId: servingMode.endpointId },
  };
}

/** @throws ProviderError for a key that cannot be read, as the provider would for one that it does not know */
function signerOf(identity: OciIdentity): SigningIdentity {
  if (identity.type !== 'api_key') throw new Error(`identities of type ${identity.type} are not supported yet`);
  try {
    return signingIdentityOf(identity);
  } catch (error) {
    const message = 'litellm.AuthenticationError: OciException - The private key of the deployment cannot be read.';
    throw new ProviderError('provider_authentication', message, { status: 401, mayBeBilled: false, cause: error });
  }
}

/** @param field the part of the answer that holds what was asked for; null: the whole */
function wireAnswerOf(result: unknown, field: string | null, exchange: UpstreamExchange): WireObject {
  const answer = isObject(result) ? result[wireAnswer] : null;
  const part = isObject(answer) && field !== null ? answer[field] : answer;
  if (!isObject(part)) throw brokenAnswer(`The answer has no ${field ?? 'content'}.`, exchange.providerRequestId);
  return part;
}

/** Our requests are plain objects with the wire's own names; the SDK's classes are the same with enums. */
function asSdk(details: WireObject): models.ChatDetails & models.EmbedTextDetails {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the SDK passes on what it does not know
  return details as unknown as models.ChatDetails & models.EmbedTextDetails;
}

/**
 * Where the SDK finds our answers. Its own reading would copy every level and call `map` on whatever stands where
 * a list was promised, so an unexpected shape would lose an answer that is billed; it passes on fields that it
 * does not know.
 */
const wireAnswer = 'wireAnswer';

/** What the SDK is given per call, and gives back in its request's headers. */
interface SdkCall {
  readonly opcRequestId: string;
  readonly opcRetryToken: string;
}

/**
 * Carries the SDK's requests: signs them, sends them over a bounded pool, and keeps apart which exchange each
 * belongs to.
 *
 * The SDK is told that every call succeeded, because of what it does with a failure: it prints the provider's
 * text to the console, and throws an object without headers, body and cause. A failure comes out of `json()`
 * instead, as the ProviderError that it is, and passes the SDK untouched.
 */
class OciHttpClient implements HttpClient, AsyncDisposable {
  readonly #identity: SigningIdentity;
  readonly #options: DeploymentClientOptions;
  readonly #exchanges = new Map<string, { readonly exchange: UpstreamExchange; readonly mayBeSent: Promise<void> }>();
  /** By URI: a client has one per operation. */
  readonly #targets = new Map<string, { readonly path: string; readonly host: string }>();
  #pool: Pool | null = null;

  constructor(identity: SigningIdentity, options: DeploymentClientOptions) {
    this.#identity = identity;
    this.#options = options;
  }

  /** The id is OCI's trace and retry token (at most 64 characters), and how the SDK's request finds its exchange. */
  begin(exchange: UpstreamExchange, { callId, mayBeSent }: BegunCall): SdkCall {
    const id = `${callId}.${this.#options.newSuffix()}`;
    this.#exchanges.set(id, { exchange, mayBeSent });
    return { opcRequestId: id, opcRetryToken: id };
  }

  end(call: SdkCall): void {
    this.#exchanges.delete(call.opcRequestId);
  }

  async send(request: Parameters<HttpClient['send']>[0]): Promise<Response> {
    const id = request.headers.get('opc-request-id') ?? '';
    const begun = this.#exchanges.get(id);
    if (!begun) throw new Error('A request that no call has begun.');
    const { exchange, mayBeSent } = begun;

    const { path, host } = this.#target(request.uri);
    const body = Buffer.from(String(request.body));
    const date = new Date(this.#options.now());
    const signing = signPost(this.#identity, { target: path, host, date }, body);
    const [signed, permission] = await Promise.allSettled([signing, mayBeSent]);
    if (permission.status === 'rejected') return asResponse(exchange, () => Promise.reject(permission.reason));
    if (signed.status === 'rejected') throw signed.reason;
    if (!exchange.isOver) {
      this.#poolOf(request.uri).dispatch(
        {
          method: 'POST',
          path,
          body,
          headers: {
            ...signed.value,
            accept: '*/*',
            'accept-encoding': 'identity',
            'opc-request-id': id,
            'opc-retry-token': id,
            'user-agent': request.headers.get('user-agent') ?? 'sluice',
          },
          // The exchange measures time by itself, per call and to the millisecond.
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        exchange,
      );
    }
    await exchange.headersArrived();
    return asResponse(exchange, () => readJson(exchange, this.#options.now));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.destroy();
  }

  #target(uri: string): { readonly path: string; readonly host: string } {
    const known = this.#targets.get(uri);
    if (known) return known;
    const { pathname, search, host } = new URL(uri);
    const target = { path: pathname + search, host };
    this.#targets.set(uri, target);
    return target;
  }

  /** Opened by the first request: only then has the SDK resolved its endpoint template. */
  #poolOf(uri: string): Pool {
    this.#pool ??= new Pool(new URL(uri).origin, {
      connections: this.#options.connections,
      connect: { timeout: this.#options.connectMs },
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: keepAliveMs,
    });
    return this.#pool;
  }
}

/**
 * What the SDK needs of a `Response`. It hands `body` out as it is when the content type is exactly
 * `text/event-stream`, and calls `json()` otherwise; a stream's reader has the exchange already.
 */
function asResponse(exchange: UpstreamExchange, json: () => Promise<unknown>): Response {
  const isStream = isEventStream(exchange);
  const response = {
    status: 200,
    headers: {
      get: (name: string) =>
        name.toLowerCase() === 'content-type'
          ? isStream
            ? 'text/event-stream'
            : 'application/json'
          : exchange.header(name.toLowerCase()),
    },
    body: null,
    json,
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a real Response costs more than the call
  return response as unknown as Response;
}

/** The provider has taken the call, so it may bill it. */
export function isAccepted(exchange: UpstreamExchange): boolean {
  return exchange.status >= 200 && exchange.status <= 299;
}

/** A stream that was accepted; a refusal is always whole. */
export function isEventStream(exchange: UpstreamExchange): boolean {
  return isAccepted(exchange) && /^text\/event-stream\b/i.test(exchange.header('content-type') ?? '');
}

async function readJson(exchange: UpstreamExchange, now: () => number): Promise<unknown> {
  const body = (await exchange.readAll()).toString();
  const { status, providerRequestId } = exchange;
  if (!isAccepted(exchange)) {
    throw errorFromHttp({ status, body, retryAfter: exchange.header('retry-after'), providerRequestId }, now());
  }
  try {
    return { [wireAnswer]: JSON.parse(body) as unknown };
  } catch (error) {
    throw brokenAnswer('The answer is not JSON.', providerRequestId, error);
  }
}
