import assert from 'node:assert/strict';
import type { DistributedGateway } from '../e2e/gateway.ts';

/** What a client was answered, and when. */
export interface Seen {
  readonly status: number;
  readonly afterMs: number;
  readonly tookMs: number;
  readonly retryAfter: string | null;
  readonly text: string;
}

/** Asks for a whole answer. */
export function ask(gateway: DistributedGateway, key: string, content = 'Hello.'): Promise<Seen> {
  return seenOf(gateway, '/v1/chat/completions', {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'llama', messages: [{ role: 'user', content }], max_tokens: 20 }),
  });
}

/** Of each kind of question to the database one that operators and clients ask often; the first makes something. */
const booksRoutes = [
  '/key/generate',
  '/key/list?return_full_object=true',
  '/spend/logs/v2?page_size=10',
  '/user/daily/activity?start_date=2026-01-01&end_date=2026-01-31',
  '/global/spend/report?start_date=2026-01-01&end_date=2026-01-31',
  '/spend/export?start_date=2026-01-01&end_date=2026-01-31&group_by=team,model',
  '/audit',
  '/v1/files',
  '/v1/batches',
] as const;

/** Asks what the database alone answers: another route each time. @param keyAlias of the key that some of them make */
export async function askBooks(gateway: DistributedGateway, turn: number, keyAlias: string): Promise<Seen> {
  const path = booksRoutes[turn % booksRoutes.length] ?? booksRoutes[0];
  if (path !== '/key/generate') return seenOf(gateway, path);
  const headers = { 'content-type': 'application/json' };
  return seenOf(gateway, path, { method: 'POST', headers, body: JSON.stringify({ key_alias: keyAlias }) });
}

async function seenOf(gateway: DistributedGateway, path: string, init?: RequestInit): Promise<Seen> {
  const afterMs = performance.now();
  const response = await gateway.request(path, init);
  const text = await response.text();
  const tookMs = Math.round(performance.now() - afterMs);
  return { status: response.status, afterMs, tookMs, retryAfter: response.headers.get('retry-after'), text };
}

const streamedTokens = 50;

/** A stream of three seconds, once its first words are there. */
export async function openStream(gateway: DistributedGateway, key: string): Promise<{ end(): Promise<string> }> {
  const response = await gateway.request('/v1/chat/completions', {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'llama',
      stream: true,
      messages: [{ role: 'user', content: `Hello. #sim {"outputTokens":${streamedTokens},"gapMs":60}` }],
      max_tokens: 60,
    }),
  });
  assert.equal(response.status, 200);
  assert.ok(response.body);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const { value: first = '' } = await reader.read();
  return {
    async end() {
      let text = first;
      for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
      return text;
    },
  };
}

/** Whether the text of such a stream has every one of its tokens, and its end. */
export function isWholeStream(text: string): boolean {
  return text.endsWith('data: [DONE]\n\n') && text.split('"content":"').length - 1 >= streamedTokens;
}
