import { ask, chatBody, post } from './ask.ts';
import type { TestGateway } from './gateway.ts';
import { chatPath, invalid } from './wrong-request.ts';
import type { Keys, Wrong } from './wrong-request.ts';

const withBody =
  (body: string | Uint8Array<ArrayBuffer> | null, headers: Record<string, string> = {}, path = chatPath) =>
  (gateway: TestGateway, { good }: Keys) =>
    ask(gateway, path, {
      method: 'POST',
      key: good,
      body,
      headers: { 'content-type': 'application/json', ...headers },
    });

/** The largest body that these gateways take. */
export const limitBytes = 2 * 1024 * 1024;
const notJson = { ...invalid, param: 'request_body', message: /not valid JSON/ } as const;
const objectExpected = { ...invalid, param: 'request_body', message: /must be a JSON object/ } as const;
const nestedTooDeep = { ...invalid, param: 'request_body', message: /nested more than 100 levels/ } as const;
export const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
export const chatText = (rest: string) => `{"model":"llama","messages":[{"role":"user","content":"x"}],${rest}}`;

/** What is no body of a request. */
export const bodies: readonly Wrong[] = [
  { why: 'no body', send: withBody(null), ...invalid, param: 'request_body', message: /no body/ },
  { why: 'an empty body', send: withBody(''), ...invalid, param: 'request_body', message: /no body/ },
  { why: 'half of JSON', send: withBody('{"model":"llama","messa'), ...notJson },
  { why: 'JSON with a NUL in it', send: withBody('{"model":"lla\0ma"}'), ...notJson },
  { why: 'NaN, which is not JSON', send: withBody(chatText('"max_tokens":NaN')), ...notJson },
  { why: 'a form', send: withBody('model=llama', { 'content-type': 'application/x-www-form-urlencoded' }), ...notJson },
  { why: 'a JSON list', send: withBody('[1,2]'), ...objectExpected },
  { why: 'JSON null', send: withBody('null'), ...objectExpected },
  { why: 'a JSON text', send: withBody('"hello"'), ...objectExpected },
  { why: '10,000 levels of nesting at the top', send: withBody(nested(10_000)), ...nestedTooDeep },
  { why: 'a million levels of nesting', send: withBody(nested(1_000_000)), ...nestedTooDeep },
  { why: 'a million levels without an end', send: withBody('{"a":'.repeat(350_000)), ...notJson },
  {
    why: '10,000 levels of nesting in metadata',
    send: withBody(chatText(`"metadata":{"a":${nested(10_000)}}`)),
    ...nestedTooDeep,
  },
  {
    why: '10,000 levels of nesting in the parameters of a tool',
    send: withBody(
      chatText(`"tools":[{"type":"function","function":{"name":"f","parameters":{"a":${nested(10_000)}}}}]`),
    ),
    ...nestedTooDeep,
  },
  {
    why: '10,000 levels of nesting in an unknown field',
    send: withBody(chatText(`"unknown":${nested(10_000)}`)),
    ...nestedTooDeep,
  },
  {
    why: 'bytes that are not UTF-8',
    send: withBody(Uint8Array.from([...Buffer.from('{"model":"ll'), 0xff, 0xfe, ...Buffer.from('ma"}')])),
    ...invalid,
    param: 'request_body',
    message: /not valid UTF-8/,
  },
  {
    why: 'a body that is too large',
    send: withBody(JSON.stringify(chatBody({ messages: [{ role: 'user', content: 'x'.repeat(limitBytes) }] }))),
    status: 413,
    type: 'bad_request_error',
    param: null,
    message: /larger than 2 MB/,
  },
  {
    why: 'a body that does not inflate',
    send: withBody('this is no gzip', { 'content-encoding': 'gzip' }),
    ...invalid,
    param: null,
    message: /could not be read/,
  },
  {
    why: 'a compression that nobody knows',
    send: withBody('{}', { 'content-encoding': 'zebra' }),
    ...invalid,
    param: null,
    message: /could not be read.*zebra/,
  },
  {
    why: 'a management body that is not JSON',
    send: (gateway) => ask(gateway, '/key/generate', { method: 'POST', body: '{' }),
    ...notJson,
  },
  {
    why: 'a management body that is too large',
    send: (gateway) => post(gateway, '/key/generate', { metadata: { a: 'x'.repeat(1024 * 1024) } }),
    status: 413,
    type: 'bad_request_error',
    param: null,
    message: /larger than 1 MB/,
  },
];
