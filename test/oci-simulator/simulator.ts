import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { admin, adminPrefix } from './admin.ts';
import type { Behaviour, Fault } from './behaviour.ts';
import { createBillBook, type BilledCall } from './billing.ts';
import { chat } from './chat.ts';
import { createControlPlane, modelsPath, type ControlPlaneBehaviour } from './control-plane.ts';
import { embedText } from './embed.ts';
import { applyGuardrails } from './guardrails.ts';
import { headerOf, readBody, type Exchange } from './exchange.ts';
import { failureBody, notFound, OciFailure, type ErrorCodes } from './failure.ts';
import type { RegisteredIdentity } from './identity.ts';
import { createKnobs } from './knobs.ts';
import { openAiPaths, openAiSurface } from './openai-surface.ts';
import { federate, federationPath } from './principals/federation.ts';
import { metadata, metadataPrefix } from './principals/metadata-service.ts';
import { createPrincipals, type Principals } from './principals/principals.ts';
import { randomHex } from './random-hex.ts';
import { rerankText } from './rerank.ts';
import { createSignatureVerifier, type SignedRequest } from './signature.ts';

export interface OciSimulatorOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
  readonly identities: readonly RegisteredIdentity[];
  /** Generative AI API keys, which the OpenAI-compatible surface takes besides signatures. */
  readonly apiKeys?: readonly string[];
  /** Epoch milliseconds: for signatures, the bill and `timeCreated`. */
  readonly now?: () => number;
  readonly errorCodes?: ErrorCodes;
  /** What `setBehaviour` goes back to. */
  readonly defaults?: Partial<Behaviour>;
  /** Told the `chatRequest` of each call that is well-formed and allowed. */
  readonly onChatRequest?: (chatRequest: Readonly<Record<string, unknown>>) => void;
}

/**
 * A running simulator of OCI Generative AI: inference and the list of models, as `oci-wire.md` says, and the services
 * by which an instance becomes a principal: its metadata and the auth service, on the same port.
 */
export interface OciSimulator extends AsyncDisposable {
  /** Without a path; what an SDK client takes as `endpoint`. */
  readonly url: string;
  readonly port: number;
  /** Every accepted call that has ended, in the order of their ends. */
  billed(): readonly BilledCall[];
  clearBilled(): void;
  /** What is not named goes back to the default. */
  setBehaviour(behaviour: Partial<Behaviour>): void;
  enqueueFaults(faults: readonly Fault[]): void;
  /** Calls that are accepted and have not ended. */
  callsInFlight(): number;
  registerIdentity(identity: RegisteredIdentity): void;
  forgetIdentity(keyId: string): void;
  /** Signers with tokens: how they get them, and how those end. */
  readonly principals: Principals;
  /** How questions about models are answered. What is not named goes back to the default. */
  setControlPlane(behaviour: Partial<ControlPlaneBehaviour>): void;
  /** Signed questions about models so far. */
  controlPlaneRequests(): number;
}

export async function openOciSimulator(options: OciSimulatorOptions): Promise<OciSimulator> {
  const {
    port = 0,
    host = '127.0.0.1',
    now = Date.now,
    errorCodes = 'mixed',
    onChatRequest = () => undefined,
  } = options;
  const book = createBillBook(now);
  const knobs = createKnobs(options.defaults ?? {});
  const controlPlane = createControlPlane();
  const apiKeys = new Set(options.apiKeys);
  const verifier = createSignatureVerifier(options.identities, now);

  const principals = createPrincipals(options.identities[0], verifier, now);

  const answer = async (request: IncomingMessage, response: ServerResponse, callId: string): Promise<void> => {
    const { method = '', url: target = '', headers } = request;
    if (target.startsWith(adminPrefix)) return admin({ book, knobs, principals, controlPlane }, request, response);
    if (target.startsWith(metadataPrefix)) return metadata(principals, request, response);
    const body = await readBody(request);
    if (target === federationPath && method === 'POST') return federate(principals, { request, response, body }, now);
    if (openAiPaths.has(target)) {
      allow(method, 'POST');
      const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
      const identity = apiKeys.has(bearer) ? null : verified({ method, target, headers, body });
      return openAiSurface({ knobs, book, now }, { request, response, body, identity, callId });
    }
    const identity = verified({ method, target, headers, body });
    return route({ request, response, body, identity, callId });
  };

  const verified = (request: SignedRequest): RegisteredIdentity => {
    try {
      return verifier.verify(request);
    } catch (error) {
      principals.count('refusals');
      throw error;
    }
  };

  const route = async (exchange: Exchange): Promise<void> => {
    const { method, url = '' } = exchange.request;
    const [pathname = '', query] = url.split('?', 2);
    if (pathname === modelsPath || pathname.startsWith(`${modelsPath}/`)) {
      allow(method, 'GET');
      return controlPlane.answer(exchange, pathname, new URLSearchParams(query));
    }
    if (!pathname.startsWith('/20231130/actions/')) throw unknownRoute();
    allow(method, 'POST');
    switch (pathname.slice('/20231130/actions/'.length)) {
      case 'chat':
        return chat({ knobs, book, now, onChatRequest }, exchange);
      case 'embedText':
        return embedText({ knobs, book }, exchange);
      case 'rerankText':
        return rerankText({ knobs, book }, exchange);
      case 'applyGuardrails':
        return applyGuardrails({ knobs, book }, exchange);
      case 'generateText': // all models of both are retired
      case 'summarizeText':
        throw notFound();
      default:
        throw unknownRoute();
    }
  };

  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 }, (request, response) => {
    const callId = newCallId(request);
    response.setHeader('opc-request-id', callId);
    answer(request, response, callId).catch((error: unknown) => sendFailure(response, error, errorCodes));
  });
  return running(server, await listen(server, port, host), host, {
    billed: () => book.billed(),
    clearBilled: () => book.clear(),
    setBehaviour: (behaviour) => knobs.set(behaviour),
    enqueueFaults: (faults) => knobs.enqueue(faults),
    callsInFlight: () => book.callsInFlight(),
    registerIdentity: (identity) => verifier.register(identity),
    forgetIdentity: (keyId) => verifier.forget(keyId),
    principals,
    setControlPlane: (behaviour) => controlPlane.set(behaviour),
    controlPlaneRequests: () => controlPlane.requests(),
  });
}

const keepAliveMs = 72_000;

async function listen(server: Server, port: number, host: string): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function running(
  server: Server,
  port: number,
  host: string,
  controls: Omit<OciSimulator, 'url' | 'port' | typeof Symbol.asyncDispose>,
): OciSimulator {
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    ...controls,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** §1.2: three parts, of which the first is the client's own. */
function newCallId(request: IncomingMessage): string {
  const own = headerOf(request, 'opc-request-id') ?? randomUUID().replaceAll('-', '').toUpperCase();
  return `${own}/${randomHex()}/${randomHex()}`;
}

function allow(method: string | undefined, allowed: string): void {
  if (method !== allowed) throw new OciFailure(405, 'Method not allowed', { by: 'gateway' });
}

function unknownRoute(): OciFailure {
  return new OciFailure(404, 'Not found', { by: 'gateway', code: 'NotFound' });
}

/** What is not a refusal is a bug of the simulator: said loudly, in the body. */
function sendFailure(response: ServerResponse, error: unknown, errorCodes: ErrorCodes): void {
  if (response.destroyed) return;
  if (response.headersSent) return void response.destroy();
  const failure = error instanceof OciFailure ? error : new OciFailure(500, `Bug in the simulator: ${String(error)}`);
  const body = failureBody(failure, errorCodes);
  if (failure.retryAfterS !== undefined) response.setHeader('retry-after', String(failure.retryAfterS));
  if (failure.status === 413) response.setHeader('connection', 'close');
  response.writeHead(failure.status, {
    'content-type': failure.html ? 'text/html' : 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
