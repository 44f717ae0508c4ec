import { CircuitBreaker, NoRetryConfigurationDetails } from 'oci-common';
import type { HttpClient } from 'oci-common';
import { GenerativeAiInferenceClient } from 'oci-generativeaiinference';
import type { models } from 'oci-generativeaiinference';
import type { Pool } from 'undici';
import type { OciTarget } from '@sluice/shared/config/gateway-config.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { openPool } from '../http/open-pool.ts';
import { readJsonAnswer } from '../http/read-json-answer.ts';
import type { UpstreamExchange } from '../http/upstream-exchange.ts';
import type { WireObject } from '../http/wire.ts';
import type { ChatCall } from '../provider.ts';
import { ociFailures } from './errors.ts';
import type { OciSigner } from './identity/oci-signer.ts';
import { sendSigned } from './identity/send-signed.ts';

export interface DeploymentClientOptions {
  readonly signer: OciSigner;
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
  /** The operations whose answers are never streamed. */
  ask(operation: WholeOperation, request: WireObject, exchange: UpstreamExchange, call: BegunCall): Promise<WireObject>;
}

export type WholeOperation = 'embedText' | 'rerankText' | 'applyGuardrails';

/** What a request must know of the call that it belongs to. */
type BegunCall = Pick<ChatCall, 'callId' | 'mayBeSent' | 'deployment'>;

export function openDeploymentClient(oci: OciTarget, options: DeploymentClientOptions): DeploymentClient {
  const http = new OciHttpClient(options);
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
        return isJsonObject(answer) ? wireAnswerOf(answer['chatResult'], 'chatResponse', exchange) : null;
      } finally {
        http.end(call);
      }
    },
    async ask(operation, request, exchange, begun) {
      const call = http.begin(exchange, begun);
      try {
        const answer: unknown = await operations[operation](sdk, call, { ...placeOf(begun), ...request });
        return wireAnswerOf(isJsonObject(answer) ? answer[`${operation}Result`] : null, null, exchange);
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

/** @param field the part of the answer that holds what was asked for; null: the whole */
function wireAnswerOf(result: unknown, field: string | null, exchange: UpstreamExchange): WireObject {
  const answer = isJsonObject(result) ? result[wireAnswer] : null;
  const part = isJsonObject(answer) && field !== null ? answer[field] : answer;
  if (!isJsonObject(part))
    throw ociFailures.brokenAnswer(`The answer has no ${field ?? 'content'}.`, exchange.providerRequestId);
  return part;
}

const operations: Readonly<
  Record<WholeOperation, (sdk: GenerativeAiInferenceClient, call: SdkCall, details: WireObject) => Promise<unknown>>
> = {
  embedText: (sdk, call, details) => sdk.embedText({ ...call, embedTextDetails: asSdk(details) }),
  rerankText: (sdk, call, details) => sdk.rerankText({ ...call, rerankTextDetails: asSdk(details) }),
  // Guardrails belong to a compartment, not to a model.
  applyGuardrails: (sdk, call, { servingMode: _none, ...details }) =>
    sdk.applyGuardrails({ ...call, applyGuardrailsDetails: asSdk(details) }),
};

/**
 * Our requests are plain objects with the wire's own names, as the SDK's own mapping would make them. It would copy
 * every level several times on the way, so it is given what it passes on and `JSON.stringify` asks for the text.
 */
function asSdk(details: WireObject): SdkDetails {
  const written = { toJSON: () => details };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the SDK passes on what it does not know
  return written as unknown as SdkDetails;
}

type SdkDetails = models.ChatDetails &
  models.EmbedTextDetails &
  models.RerankTextDetails &
  models.ApplyGuardrailsDetails;

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
  readonly #options: DeploymentClientOptions;
  readonly #exchanges = new Map<string, { readonly exchange: UpstreamExchange; readonly mayBeSent: Promise<void> }>();
  /** By URI: a client has one per operation. */
  readonly #targets = new Map<string, { readonly path: string; readonly host: string }>();
  #pool: Pool | null = null;

  constructor(options: DeploymentClientOptions) {
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

    const post = {
      ...this.#target(request.uri),
      body: Buffer.from(String(request.body)),
      headers: {
        accept: '*/*',
        'accept-encoding': 'identity',
        'opc-request-id': id,
        'opc-retry-token': id,
        'user-agent': request.headers.get('user-agent') ?? 'sluice',
      },
    };
    const { signer, now } = this.#options;
    try {
      await sendSigned(post, exchange, { signer, now, mayBeSent, pool: this.#poolOf(request.uri) });
    } catch (error) {
      return asResponse(exchange, () => Promise.reject(error));
    }
    return asResponse(exchange, async () => ({ [wireAnswer]: await readJsonAnswer(exchange, ociFailures, now) }));
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
    this.#pool ??= openPool(new URL(uri).origin, this.#options);
    return this.#pool;
  }
}

/**
 * What the SDK needs of a `Response`. It hands `body` out as it is when the content type is exactly
 * `text/event-stream`, and calls `json()` otherwise; a stream's reader has the exchange already.
 */
function asResponse(exchange: UpstreamExchange, json: () => Promise<unknown>): Response {
  const isStream = exchange.isEventStream;
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
