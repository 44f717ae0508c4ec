import { z } from 'zod';
import { chat, chatBody, post, type Reply } from './ask.ts';
import type { TestGateway } from './gateway.ts';

const iso = z.iso.datetime();

/** Every field of a row, LiteLLM's and no other; litellm-contract.md §4.1. */
export const Row = z.strictObject({
  request_id: z.string().regex(/^(chatcmpl|embd)-[\w-]+$/),
  call_type: z.enum(['acompletion', 'aembedding']),
  api_key: z.string(),
  spend: z.number().nonnegative(),
  total_tokens: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  startTime: iso,
  endTime: iso,
  completionStartTime: iso.nullable(),
  request_duration_ms: z.int().nonnegative(),
  model: z.string(),
  model_id: z.string().nullable(),
  model_group: z.string(),
  custom_llm_provider: z.string().nullable(),
  api_base: z.string().nullable(),
  user: z.string(),
  metadata: z.looseObject({
    user_api_key: z.string(),
    requester_metadata: z.record(z.string(), z.unknown()),
    error_information: z.looseObject({ error_code: z.string(), error_message: z.string() }).nullable(),
    cost_breakdown: z.object({ input_cost: z.number(), output_cost: z.number(), total_cost: z.number() }),
    sluice: z.looseObject({ outcome: z.string(), estimated: z.boolean() }),
  }),
  cache_hit: z.literal('False'),
  cache_key: z.literal('Cache OFF'),
  request_tags: z.array(z.string()),
  team_id: z.string().nullable(),
  organization_id: z.string().nullable(),
  end_user: z.string(),
  requester_ip_address: z.string(),
  session_id: z.string().nullable(),
  status: z.enum(['success', 'failure']),
  messages: z.strictObject({}),
  response: z.strictObject({}),
  proxy_server_request: z.strictObject({}),
  mcp_namespaced_tool_name: z.null(),
  agent_id: z.null(),
});
export type Row = z.infer<typeof Row>;

/** Whose key the requests are made with. */
export const ownerOfKey = {
  key_alias: 'owner',
  models: ['llama', 'embed'],
  metadata: { team: 'core', owner: 'ada', tags: ['from-key'] },
  user_id: 'ada',
  team_id: 'team-core',
  organization_id: 'acme',
};
/** What each request says of whom it is for. */
export const origin = {
  user: 'end-user-7',
  metadata: { job: 'nightly', team: 'not mine', tags: ['from-request'], user_api_key: 'forged' },
  litellm_session_id: 'session-9',
};

/** One request of each kind, in the order in which they are made. */
export const kinds: readonly { what: string; send: (gateway: TestGateway, key: string) => Promise<Reply | null> }[] = [
  { what: 'whole', send: (gateway, key) => chat(gateway, key, origin) },
  { what: 'streamed', send: (gateway, key) => chat(gateway, key, { ...origin, stream: true }) },
  {
    what: 'embedded',
    send: (gateway, key) =>
      post(gateway, '/v1/embeddings', { ...origin, model: 'embed', input: ['a', 'b c'] }, { key }),
  },
  {
    what: 'failed',
    send: (gateway, key) =>
      chat(gateway, key, { ...origin, messages: [say('No. #sim {"fail":{"status":400,"message":"It says no."}}')] }),
  },
  { what: 'refused', send: (gateway, key) => chat(gateway, key, { ...origin, model: 'grok' }) },
  {
    what: 'aborted',
    async send(gateway, key) {
      const leaving = new AbortController();
      const response = await gateway.request('/v1/chat/completions', {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify(
          chatBody({
            ...origin,
            stream: true,
            messages: [say('Slowly. #sim {"outputTokens":500,"gapMs":30}')],
            max_tokens: 600,
          }),
        ),
        signal: leaving.signal,
      });
      await response.body?.getReader().read();
      leaving.abort();
      return null;
    },
  },
];

function say(content: string) {
  return { role: 'user', content };
}
