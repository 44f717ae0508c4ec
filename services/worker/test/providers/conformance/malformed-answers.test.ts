import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnthropicTarget } from '@sluice/shared/config/gateway-config.ts';
import { openAnthropicProvider } from '../../../src/providers/anthropic/anthropic-provider.ts';
import { openSigners } from '../../../src/providers/oci/identity/open-signers.ts';
import { openOpenAiProvider } from '../../../src/providers/openai/openai-provider.ts';
import { openStub } from '../http/stub-server.ts';
import { chatCallOf, deploymentOf } from '../oci/fixtures.ts';
import { openAiDeploymentOf, openAiTargetOf } from '../openai/openai-fixtures.ts';
import { failureOf } from './collect.ts';

const never = new AbortController().signal;
const log = { info: () => undefined, warn: () => undefined };

const protocols = [
  {
    name: 'OpenAI',
    begin: 'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n',
    open: () => openOpenAiProvider({ signers: openSigners({ env: {}, log }), connectionsPerDeployment: 1 }),
    deployment: (url: string) => openAiDeploymentOf('gpt', openAiTargetOf(`${url}/v1`)),
  },
  {
    name: 'Anthropic',
    begin:
      'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hi"}}\n\ndata: {"type":"ping"}\n\n',
    open: () => openAnthropicProvider({ connectionsPerDeployment: 1 }),
    deployment: (url: string) => {
      const target: AnthropicTarget = { api: 'anthropic', baseUrl: url, apiKey: 'sk-of-the-tests', headers: {} };
      return { ...deploymentOf('claude-sonnet-4-5'), provider: 'anthropic', target };
    },
  },
];

const bodies = [
  { why: 'half of an event', type: 'text/event-stream', body: (begin: string) => `${begin}data: {"choices":[{\n\n` },
  { why: 'an event that is no object', type: 'text/event-stream', body: (begin: string) => `${begin}data: 7\n\n` },
  { why: 'no events at all', type: 'text/event-stream', body: () => '' },
  { why: 'a page', type: 'text/html', body: () => '<html>Welcome to the login page</html>' },
  { why: 'a list', type: 'application/json', body: () => '[]' },
  { why: 'an object without an answer', type: 'application/json', body: () => '{}' },
];

for (const { name, begin, open, deployment } of protocols) {
  for (const { why, type, body } of bodies) {
    test(`${name}: ${why} with status 200 is a broken answer, which may be billed`, async () => {
      await using stub = await openStub((_request, res) => {
        res.writeHead(200, { 'content-type': type }).end(body(begin));
      });
      await using provider = open();
      const call = { ...chatCallOf('chat', {}, { stream: true }), deployment: deployment(stub.url) };
      const error = await failureOf(provider.chat(call, never));
      assert.deepEqual([error.code, error.status, error.mayBeBilled], ['provider_bad_gateway', 502, true]);
    });
  }
}
