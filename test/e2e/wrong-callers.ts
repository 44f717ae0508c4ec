import { ask, chatBody, post, replyOf, type Reply } from './ask.ts';
import type { TestGateway } from './gateway.ts';
import { chatPath, withKey } from './wrong-request.ts';
import type { Wrong } from './wrong-request.ts';

const unauthorized = { status: 401, type: 'auth_error', param: null } as const;
const sk = 'sk-0123456789abcdefghijkl';

const withHeaders =
  (headers: Record<string, string>) =>
  async ({ url }: TestGateway) =>
    fetchReply(`${url}${chatPath}`, { method: 'POST', headers, body: JSON.stringify(chatBody()) });

/** Who asks without a key that may. */
export const callers: readonly Wrong[] = [
  { why: 'no key', send: withHeaders({}), ...unauthorized, message: /No api key passed in/ },
  {
    why: 'an empty Bearer',
    send: withHeaders({ authorization: 'Bearer ' }),
    ...unauthorized,
    message: /Malformed API Key.*Ensure Key has `Bearer ` prefix/,
  },
  {
    why: 'another scheme',
    send: withHeaders({ authorization: `Basic ${sk}` }),
    ...unauthorized,
    message: /Malformed API Key/,
  },
  { why: 'no scheme', send: withHeaders({ authorization: sk }), ...unauthorized, message: /Malformed API Key/ },
  {
    why: 'a key that is not sk-',
    send: withHeaders({ authorization: 'Bearer abcd-no-key-of-ours-wxyz' }),
    ...unauthorized,
    message: /Virtual Key expected\. Received=abcd\*+wxyz, expected to start with 'sk-'/,
  },
  {
    why: 'an unknown key',
    send: withHeaders({ authorization: `Bearer ${sk}` }),
    ...unauthorized,
    type: 'token_not_found_in_db',
    param: 'key',
    message:
      /Invalid proxy server token passed\. Received API Key = sk-\.\.\.ijkl, Key Hash \(Token\) =[0-9a-f]{8}\.\.\./,
  },
  {
    why: 'a deleted key',
    send: withKey('deleted'),
    ...unauthorized,
    type: 'token_not_found_in_db',
    param: 'key',
    message: /Unable to find token in cache/,
  },
  { why: 'a blocked key', send: withKey('blocked'), ...unauthorized, message: /Key is blocked.*\/key\/unblock/ },
  {
    why: 'a model that the key may not use',
    send: withKey('onlyGrok'),
    status: 403,
    type: 'key_model_access_denied',
    param: 'model',
    message: /key not allowed to access model\. This key can only access models=\['grok'\]\. Tried to access llama/,
  },
  {
    why: 'a key that is wrong, before a body that is wrong',
    send: ({ url }) =>
      fetchReply(`${url}${chatPath}`, { method: 'POST', headers: { authorization: `Bearer ${sk}` }, body: '{' }),
    ...unauthorized,
    type: 'token_not_found_in_db',
    param: 'key',
    message: /Invalid proxy server token/,
  },
  {
    why: 'a route for the operator',
    send: (gateway, { good }) => post(gateway, '/key/generate', {}, { key: good }),
    status: 403,
    type: 'permission_error',
    param: null,
    message: /key\/generate/,
  },
  {
    why: "another key's info",
    send: (gateway, { good, blocked }) => ask(gateway, `/key/info?key=${blocked}`, { key: good }),
    status: 403,
    type: 'permission_error',
    param: null,
    message: /not allowed to access this key's info/,
  },
];

async function fetchReply(url: string, init: RequestInit): Promise<Reply> {
  return replyOf(await fetch(url, init));
}
