import { z } from 'zod';
import { assertReplyDocumented } from '../../services/ingress/test/openapi/assert-documented.ts';
import type { TestGateway } from './gateway.ts';

/** An answer of the gateway, read to its end. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** With headers as a plain object, so that they can be put together. */
interface AskInit extends Omit<RequestInit, 'headers'> {
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string;
}

/**
 * Fails unless the answer is as the document of the API says.
 *
 * @param init.key the master key unless another is given
 */
export async function ask(gateway: TestGateway, path: string, init: AskInit = {}) {
  const { key = gateway.masterKey, headers, ...rest } = init;
  const response = await gateway.request(path, { ...rest, headers: { authorization: `Bearer ${key}`, ...headers } });
  const reply = await replyOf(response);
  assertReplyDocumented({ method: rest.method ?? 'GET', path }, reply);
  return reply;
}

export async function replyOf(response: Response): Promise<Reply> {
  return { status: response.status, headers: response.headers, text: await response.text() };
}

export function post(gateway: TestGateway, path: string, body: unknown, init: AskInit = {}) {
  const headers = { 'content-type': 'application/json', ...init.headers };
  return ask(gateway, path, { method: 'POST', ...init, headers, body: JSON.stringify(body) });
}

/** A chat request; `fields` over what all have in common. */
export function chat(gateway: TestGateway, key: string, fields: Record<string, unknown> = {}, init: AskInit = {}) {
  return post(gateway, '/v1/chat/completions', chatBody(fields), { ...init, key });
}

export function chatBody(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: 'llama', messages: [{ role: 'user', content: 'Hello.' }], max_tokens: 20, ...fields };
}

/** What the answer says that it cost; 0: it says nothing. */
export function costUsdOf({ headers }: Reply): number {
  return Number(headers.get('x-litellm-response-cost') ?? 0);
}

/** The one shape of errors. */
export const ErrorBody = z.looseObject({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.string().min(1),
    param: z.string().nullable(),
    code: z.string().regex(/^\d{3}$/),
  }),
});
export type ErrorBody = z.infer<typeof ErrorBody>['error'];

export function errorOf({ text }: Reply): ErrorBody {
  return ErrorBody.parse(JSON.parse(text)).error;
}

const Info = z.object({ key: z.string(), info: z.looseObject({ spend: z.number() }) });

export async function infoOf(gateway: TestGateway, key: string) {
  return Info.parse(JSON.parse((await ask(gateway, `/key/info?key=${encodeURIComponent(key)}`)).text)).info;
}
