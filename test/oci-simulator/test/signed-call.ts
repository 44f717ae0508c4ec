import { createHash, sign } from 'node:crypto';
import { request as openRequest, type IncomingMessage } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { createSimulatedIdentity, type SimulatedIdentity } from '../identity.ts';
import { endpointOcid } from '../models.ts';
import { openOciSimulator, type OciSimulator, type OciSimulatorOptions } from '../simulator.ts';

/** One key pair for all tests of a file: making one takes 0.2 s. */
export const identity: SimulatedIdentity = createSimulatedIdentity();

export function openSimulator(options: Partial<OciSimulatorOptions> = {}): Promise<OciSimulator> {
  return openOciSimulator({ identities: [identity], ...options });
}

export interface Call {
  readonly method?: string;
  readonly path: string;
  /** Sent as it is, else as JSON. */
  readonly body?: unknown;
  /** Added after signing, so they can spoil the signature. */
  readonly headers?: Record<string, string>;
  readonly signedAt?: number;
  /** How a client leaves before there is a response. */
  readonly signal?: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** A whole reply. */
export async function send(url: string, call: Call): Promise<Reply> {
  const response = await open(url, call);
  return { status: response.statusCode ?? 0, headers: response.headers, text: await readText(response) };
}

/** A reply whose body is not read yet. Destroying it is how a client leaves. */
export async function open(url: string, call: Call): Promise<IncomingMessage> {
  const { method = 'POST', path, body, headers = {} } = call;
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? ''));
  const sent = method === 'GET' ? Buffer.alloc(0) : bytes;
  const signed = signedHeaders(method, path, new URL(url).host, sent, call.signedAt ?? Date.now());
  const options = {
    method,
    headers: { ...signed, ...headers },
    agent: false,
    ...(call.signal && { signal: call.signal }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = openRequest(`${url}${path}`, options);
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.end(sent);
  });
}

/** Signs by hand, as §2.1 says. */
function signedHeaders(
  method: string,
  path: string,
  host: string,
  body: Buffer,
  signedAt: number,
): Record<string, string> {
  const headers: Record<string, string> = { 'x-date': new Date(signedAt).toUTCString(), host };
  let names = 'x-date (request-target) host';
  if (method === 'POST') {
    headers['content-type'] = 'application/json';
    headers['content-length'] = String(body.length);
    headers['x-content-sha256'] = createHash('sha256').update(body).digest('base64');
    names += ' Content-Type Content-Length x-content-sha256';
  }
  const lines = names.split(' ').map((name) => {
    const lower = name.toLowerCase();
    return `${lower}: ${lower === '(request-target)' ? `${method.toLowerCase()} ${path}` : headers[lower]}`;
  });
  const signature = sign('sha256', Buffer.from(lines.join('\n')), identity.keyPem).toString('base64');
  const claim = `keyId="${identity.keyId}",algorithm="rsa-sha256",headers="${names}",signature="${signature}"`;
  return { ...headers, authorization: `Signature version="1",${claim}` };
}

/** A call of `actions/chat` in GENERIC; `request` are further fields of the chatRequest. */
export function genericCall(model: string, prompt: string, request: object = {}): Call {
  const messages = [{ role: 'USER', content: [{ type: 'TEXT', text: prompt }] }];
  return chatCall(model, { apiFormat: 'GENERIC', messages, ...request });
}

export function chatCall(model: string, chatRequest: object): Call {
  const body = { compartmentId: identity.compartmentId, servingMode: onDemand(model), chatRequest };
  return { path: '/20231130/actions/chat', body };
}

/** The same at the model's dedicated endpoint. */
export function endpointCall(model: string, chatRequest: object): Call {
  const servingMode = { servingType: 'DEDICATED', endpointId: endpointOcid(model) };
  const body = { compartmentId: identity.compartmentId, servingMode, chatRequest };
  return { path: '/20231130/actions/chat', body };
}

export function onDemand(modelId: string): object {
  return { servingType: 'ON_DEMAND', modelId };
}

/** The events of a stream without their padding, which is checked; `[DONE]` stays a text. */
export function eventsOf(stream: string): unknown[] {
  return stream
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice('data: '.length))
    .map((payload): unknown => {
      if (payload === '[DONE]') return payload;
      const event: unknown = JSON.parse(payload);
      const pad = pick(event, 'pad');
      if (typeof pad !== 'string' || !/^a{1,11}$/.test(pad) || !payload.endsWith(`"pad":"${pad}"}`)) {
        throw new Error(`bad pad: ${payload}`);
      }
      return Object.fromEntries(Object.entries(event ?? {}).filter(([name]) => name !== 'pad'));
    });
}

/** What lies at a path in a JSON value; undefined where there is nothing. */
export function pick(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, step) => Object.entries(inner ?? {}).find(([name]) => name === String(step))?.[1],
    value,
  );
}

export function jsonOf(text: string): unknown {
  return JSON.parse(text);
}
