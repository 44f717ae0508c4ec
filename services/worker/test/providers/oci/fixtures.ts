import { CallId } from '@sluice/shared/ids.ts';
import { readFileSync } from 'node:fs';
import type { TokenLogProb } from '@sluice/shared/contracts/token-event.ts';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';

import type { ChatCall, ProviderEvent } from '../../../src/providers/provider.ts';
import type { ReaderOptions } from '../../../src/providers/chat/chat-event-reader.ts';
import type { WireObject } from '../../../src/providers/http/wire.ts';

/** The payloads of a recorded stream, one per line. */
export function streamFixture(name: string): string[] {
  const text = readFileSync(new URL(`__fixtures__/${name}.jsonl`, import.meta.url), 'utf8');
  return text.split('\n').filter((line) => line !== '');
}

export function wholeFixture(name: string): WireObject {
  const answer: unknown = JSON.parse(readFileSync(new URL(`__fixtures__/${name}.json`, import.meta.url), 'utf8'));
  if (!isJsonObject(answer) || !isJsonObject(answer['chatResponse'])) throw new Error(`Not a chat result: ${name}`);
  return answer['chatResponse'];
}

/** As OCI writes it. */
export function sseOf(payloads: readonly string[]): Buffer {
  return Buffer.from(payloads.map((payload) => `data: ${payload}\n\n`).join(''));
}

/** `id1`, `id2`, … */
export function countingIds(): () => string {
  let last = 0;
  return () => `id${(last += 1)}`;
}

/** How a reader reads in tests. */
export function reading(isWhole = false): ReaderOptions {
  return { newToolCallId: countingIds(), isWhole, topLogProbs: 5 };
}

/** An answer put together, as a client would. */
export interface Answer {
  text: string;
  reasoning: string;
  refusal?: string;
  logProbs?: TokenLogProb[];
  citations?: object[];
  fields?: Record<string, unknown>;
  toolCalls: { id: string | undefined; name: string | undefined; arguments: string }[];
  finishReason: string | null;
}

/** By choice. */
export function assemble(events: readonly ProviderEvent[]): { choices: Answer[]; usage: unknown } {
  const choices: Answer[] = [];
  let usage: unknown = null;
  const at = (index: number): Answer =>
    (choices[index] ??= { text: '', reasoning: '', toolCalls: [], finishReason: null });
  for (const event of events) {
    if (event.type === 'text-delta') at(event.choice).text += event.text;
    if (event.type === 'reasoning-delta') at(event.choice).reasoning += event.text;
    if (event.type === 'refusal-delta') at(event.choice).refusal = (at(event.choice).refusal ?? '') + event.text;
    if (event.type === 'logprobs') (at(event.choice).logProbs ??= []).push(...event.tokens);
    if (event.type === 'url-citation') {
      const { type: _type, choice: _choice, ...citation } = event;
      (at(event.choice).citations ??= []).push(citation);
    }
    if (event.type === 'provider-fields') {
      const fields = (at(event.choice).fields ??= {});
      for (const [name, value] of Object.entries(event.fields)) {
        const known = fields[name];
        fields[name] = Array.isArray(known) && Array.isArray(value) ? [...known, ...value] : value;
      }
    }
    if (event.type === 'choice-end') at(event.choice).finishReason = event.finishReason;
    if (event.type === 'usage') usage = event.usage;
    if (event.type === 'tool-call-delta') {
      const calls = at(event.choice).toolCalls;
      const call = (calls[event.toolCall] ??= { id: event.id, name: event.name, arguments: '' });
      call.arguments += event.arguments;
    }
  }
  return { choices, usage };
}

export function deploymentOf(upstreamModel: string, endpoint: string | null = null, privateKeyPem = ''): Deployment {
  return {
    id: `id-of-${upstreamModel}`,
    alias: 'chat',
    provider: 'oci',
    model: `oci/${upstreamModel}`,
    upstreamModel,
    target: {
      api: 'oci',
      region: 'us-chicago-1',
      endpoint,
      compartmentId: 'ocid1.compartment.oc1..sim',
      servingMode: { type: 'ON_DEMAND' },
      identity: {
        type: 'api_key',
        tenancy: 'ocid1.tenancy.oc1..t',
        user: 'ocid1.user.oc1..u',
        fingerprint: 'aa:bb',
        privateKeyPem,
        passphrase: null,
      },
    },
    price: { inputNanoUsdPerMillion: 0, outputNanoUsdPerMillion: 0 },
    priceSource: 'default',
    maxOutputTokens: null,
    maxInputTokens: null,
    weight: null,
    numRetries: null,
    timeoutMs: null,
    streamTimeoutMs: null,
    defaultParams: {},
  };
}

export const sampleCallId = CallId.parse('chatcmpl-3b241101-e2bb-4255-8caf-4136c566a962:1');

export function chatCallOf(
  upstreamModel: string,
  request: Partial<ChatCompletionRequest>,
  options: Partial<Omit<ChatCall, 'request' | 'deployment'>> = {},
): ChatCall {
  return {
    callId: sampleCallId,
    deployment: deploymentOf(upstreamModel),
    request: { model: 'chat', messages: [{ role: 'user', content: 'Hi' }], ...request },
    stream: false,
    outputTokensCap: 700,
    dropParams: false,
    mayBeSent: Promise.resolve(),
    timeouts: { connectMs: 1000, firstTokenMs: 10_000, betweenTokensMs: 10_000 },
    ...options,
  };
}

/** As it is sent: without what is undefined. */
export function asSent(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
