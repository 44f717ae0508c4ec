import { createHash, sign } from 'node:crypto';
import type { SimulatedIdentity } from '../oci-simulator/identity.ts';

export const upstreamModel = 'meta.llama-3.3-70b-instruct';
export const alias = 'llama';

/** What is asked for; the same of the gateway and of the simulator. */
export interface Question {
  readonly streamed: boolean;
  readonly outputTokens: number;
  /** Between the tokens of a stream. */
  readonly gapMs: number;
  readonly promptBytes?: number;
}

const smallPromptBytes = 500;
export const largePromptBytes = 100_000;
const maxTokens = 400;

export function promptOf({ outputTokens, gapMs, promptBytes = smallPromptBytes }: Question): string {
  const directive = `#sim ${JSON.stringify({ outputTokens, ...(gapMs > 0 && { gapMs }) })}`;
  const text = 'Say in a few words what the sea is like on a calm day in early autumn, and what it sounds like. ';
  return text.repeat(Math.ceil(promptBytes / text.length)).slice(0, promptBytes - directive.length) + directive;
}

/** The request of an OpenAI client with a virtual key, as bytes. */
export function gatewayRequest(target: { host: string; key: string }, question: Question): string {
  const body = JSON.stringify({
    model: alias,
    messages: [{ role: 'user', content: promptOf(question) }],
    max_tokens: maxTokens,
    ...(question.streamed && { stream: true, stream_options: { include_usage: true } }),
  });
  return httpPost('/v1/chat/completions', body, [
    `host: ${target.host}`,
    `authorization: Bearer ${target.key}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]);
}

/** What tells the direct calls from the gateway's on the simulator's bill. */
export const directCallId = 'BENCH';

/** The gateway's upstream request, signed once: good for five minutes, and so cheaper for its client than a real one. */
export function directRequest(host: string, identity: SimulatedIdentity, question: Question): string {
  const { keyId, keyPem, compartmentId } = identity;
  const messages = [{ role: 'USER', content: [{ type: 'TEXT', text: promptOf(question) }] }];
  const body = JSON.stringify({
    compartmentId,
    servingMode: { servingType: 'ON_DEMAND', modelId: upstreamModel },
    chatRequest: {
      apiFormat: 'GENERIC',
      messages,
      maxTokens,
      ...(question.streamed && { isStream: true, streamOptions: { isIncludeUsage: true } }),
    },
  });
  const target = '/20231130/actions/chat';
  const signed = [
    `x-date: ${new Date().toUTCString()}`,
    `(request-target): post ${target}`,
    `host: ${host}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-content-sha256: ${createHash('sha256').update(body).digest('base64')}`,
  ];
  const names = signed.map((line) => line.slice(0, line.indexOf(': '))).join(' ');
  const signature = sign('sha256', Buffer.from(signed.join('\n')), keyPem).toString('base64');
  return httpPost(target, body, [
    ...signed.filter((line) => !line.startsWith('(')),
    `opc-request-id: ${directCallId}`,
    `authorization: Signature version="1",keyId="${keyId}",algorithm="rsa-sha256",headers="${names}",signature="${signature}"`,
  ]);
}

function httpPost(target: string, body: string, headers: readonly string[]): string {
  return `${[`POST ${target} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n${body}`;
}
