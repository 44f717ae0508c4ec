import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { Deployment, OpenAiTarget } from '@sluice/shared/config/gateway-config.ts';
import { createSimulatedIdentity } from '../../../../../test/oci-simulator/identity.ts';
import { openOciSimulator } from '../../../../../test/oci-simulator/simulator.ts';
import { openOpenAiSimulator } from '../../../../../test/openai-simulator/simulator.ts';
import { openOpenAiProvider } from '../../../src/providers/openai/openai-provider.ts';
import type { ChatCall, EmbeddingCall } from '../../../src/providers/provider.ts';
import { openSigners } from '../../../src/providers/oci/identity/open-signers.ts';
import { collect, failureOf } from '../conformance/collect.ts';
import { openStub, sendJson } from '../http/stub-server.ts';
import { assemble, chatCallOf, sampleCallId } from '../oci/fixtures.ts';
import { setUpIdentities, user as simulatedUser } from '../oci/identity/identity-setup.ts';
import { openAiDeploymentOf, openAiTargetOf } from './openai-fixtures.ts';

const apiKey = 'sk-of-the-tests-1234';
const never = new AbortController().signal;
const signers = openSigners({ env: {}, log: { info: () => undefined, warn: () => undefined } });
after(() => signers[Symbol.asyncDispose]());
const completion = { choices: [{ message: { content: 'Yes.' }, finish_reason: 'stop' }] };

function openProvider() {
  return openOpenAiProvider({
    connectionsPerDeployment: 4,
    now: () => Date.now(),
    signers,
  });
}

function callOf(
  deployment: Deployment,
  request: Partial<ChatCompletionRequest> = {},
  options: Partial<Omit<ChatCall, 'request' | 'deployment'>> = {},
): ChatCall {
  return { ...chatCallOf(deployment.upstreamModel, request, options), deployment };
}

const ways: readonly {
  why: string;
  fields: Partial<OpenAiTarget>;
  path: string;
  headers: Record<string, string | undefined>;
}[] = [
  {
    why: 'none',
    fields: {},
    path: '/v1/chat/completions',
    headers: { authorization: undefined, 'x-client-request-id': sampleCallId },
  },
  {
    why: 'a bearer token',
    fields: { auth: { type: 'bearer', apiKey }, headers: { 'openai-organization': 'org-1' } },
    path: '/v1/chat/completions',
    headers: { authorization: `Bearer ${apiKey}`, 'openai-organization': 'org-1' },
  },
  {
    why: "Azure's header and version",
    fields: { auth: { type: 'header', name: 'api-key', apiKey }, query: { 'api-version': '2024-10-21' } },
    path: '/v1/chat/completions?api-version=2024-10-21',
    headers: { 'api-key': apiKey, authorization: undefined },
  },
];
for (const { why, fields, path, headers } of ways) {
  test(`OpenAI provider: authorized with ${why}`, async () => {
    await using stub = await openStub((_request, res) => sendJson(res, 200, completion, { 'x-request-id': 'req-7' }));
    await using provider = openProvider();
    const deployment = openAiDeploymentOf('gpt', openAiTargetOf(`${stub.url}/v1`, fields));
    const [accepted] = await collect(provider.chat(callOf(deployment), never));
    assert.equal(accepted?.type === 'accepted' && accepted.providerRequestId, 'req-7');
    const [request] = stub.requests;
    assert.equal(request?.path, path);
    for (const [name, value] of Object.entries(headers)) assert.equal(request?.headers[name], value, name);
    assert.equal(request?.headers['content-type'], 'application/json');
  });
}

test('OpenAI provider: a server that refuses stream_options is asked again without, and then never with', async () => {
  await using simulator = await openOpenAiSimulator({ apiKey: null });
  await using provider = openProvider();
  const target = openAiTargetOf(`${simulator.url}/v1`, { tokenLimit: 'max_tokens' });
  const deployment = openAiDeploymentOf('old-server', target);
  for (let call = 1; call <= 2; call += 1) {
    const { choices, usage } = assemble(await collect(provider.chat(callOf(deployment, {}, { stream: true }), never)));
    assert.equal(choices[0]?.finishReason, 'stop');
    assert.equal(usage, null, 'the gateway counts by itself');
    assert.equal(simulator.billed().length, call);
  }
});

for (const [model, field] of [
  ['deepseek-reasoner', 'reasoning_content'],
  ['qwen3:8b', 'reasoning'],
] as const) {
  for (const stream of [false, true]) {
    test(`OpenAI provider: ${field} of ${model}, ${stream ? 'streamed' : 'whole'}`, async () => {
      await using simulator = await openOpenAiSimulator({ apiKey: null });
      await using provider = openProvider();
      simulator.setBehaviour({ reasoningTokens: 9, outputTokens: 20 });
      const deployment = openAiDeploymentOf(model, openAiTargetOf(`${simulator.url}/v1`, { tokenLimit: 'max_tokens' }));
      const { choices, usage } = assemble(await collect(provider.chat(callOf(deployment, {}, { stream }), never)));
      assert.match(choices[0]?.reasoning ?? '', /\w/);
      assert.equal(Object(usage).reasoningTokens, 9);
      assert.equal(Object(usage).outputTokens, 29);
    });
  }
}

test('OpenAI provider: several choices, streamed by turns, with the usage of all', async () => {
  await using simulator = await openOpenAiSimulator({ apiKey: null });
  await using provider = openProvider();
  const deployment = openAiDeploymentOf('gpt-4o-mini', openAiTargetOf(`${simulator.url}/v1`));
  const { choices, usage } = assemble(
    await collect(provider.chat(callOf(deployment, { n: 3 }, { stream: true }), never)),
  );
  assert.deepEqual(
    choices.map(({ finishReason }) => finishReason),
    ['stop', 'stop', 'stop'],
  );
  assert.equal(new Set(choices.map(({ text }) => text)).size, 3);
  assert.equal(Object(usage).outputTokens, simulator.billed()[0]?.completionTokens);
});

for (const stream of [false, true]) {
  const how = stream ? 'streamed' : 'whole';

  test(`OpenAI provider: probabilities and citations, ${how}`, async () => {
    await using simulator = await openOpenAiSimulator({ apiKey: null });
    await using provider = openProvider();
    simulator.setBehaviour({ outputTokens: 5, citations: true });
    const deployment = openAiDeploymentOf('gpt-4o-mini', openAiTargetOf(`${simulator.url}/v1`));
    const call = callOf(deployment, { logprobs: true, top_logprobs: 2 }, { stream });
    const [answer] = assemble(await collect(provider.chat(call, never))).choices;
    const tokens = answer?.logProbs ?? [];
    assert.equal(tokens.map(({ token }) => token).join(''), answer?.text);
    assert.ok(tokens.every(({ logprob, top }) => logprob < 0 && top.length === 2 && top[1]?.token === 'other1'));
    const citation = { url: 'https://example.com/sluice', title: 'Sluices', startIndex: 0 };
    assert.deepEqual(answer?.citations, [{ ...citation, endIndex: tokens[0]?.token.length }]);
  });

  test(`OpenAI provider: a refusal is no text, ${how}`, async () => {
    await using simulator = await openOpenAiSimulator({ apiKey: null });
    await using provider = openProvider();
    simulator.setBehaviour({ refuse: true });
    const deployment = openAiDeploymentOf('gpt-4o-mini', openAiTargetOf(`${simulator.url}/v1`));
    const [answer] = assemble(await collect(provider.chat(callOf(deployment, {}, { stream }), never))).choices;
    assert.match(answer?.refusal ?? '', /\w/);
    assert.equal(answer?.text, '');
  });
}

test('OpenAI provider: a key of no known form is not repeated either, wherever the server shows it', async () => {
  const odd = '0123456789abcdef0123456789abcdef';
  const page = `<p>${'x'.repeat(4080)}</p><pre>key ${odd}</pre>`;
  for (const body of [JSON.stringify({ error: { message: `Bad key ${odd}`, code: odd } }), page]) {
    await using stub = await openStub((_request, res) => void res.writeHead(401).end(body));
    await using provider = openProvider();
    const auth = { type: 'header', name: 'api-key', apiKey: odd } as const;
    const deployment = openAiDeploymentOf('gpt', openAiTargetOf(`${stub.url}/v1`, { auth }));
    const error = await failureOf(provider.chat(callOf(deployment), never));
    assert.equal(error.code, 'provider_authentication');
    assert.doesNotMatch(inspect(error, { depth: 9 }), /0123456/);
  }
});

test("OpenAI provider: the provider's 400 names the parameter", async () => {
  await using simulator = await openOpenAiSimulator({ apiKey: null });
  await using provider = openProvider();
  const deployment = openAiDeploymentOf('gpt-4o-mini', openAiTargetOf(`${simulator.url}/v1`));
  const error = await failureOf(provider.chat(callOf(deployment, { nonsense: 1 }), never));
  assert.deepEqual([error.code, error.param, error.status], ['provider_bad_request', 'nonsense', 400]);
  assert.match(error.message, /Unrecognized request argument supplied: nonsense/);
});

for (const encoding of ['float', 'base64'] as const) {
  for (const server of ['float', 'base64'] as const) {
    test(`OpenAI provider: embeddings as ${encoding} from a server that sends ${server}`, async () => {
      const vector = [0.5, -0.25];
      const base64 = Buffer.from(new Float32Array(vector).buffer).toString('base64');
      const embedding = server === 'float' ? vector : base64;
      const list = {
        data: [
          { index: 1, embedding },
          { index: 0, embedding },
        ],
        usage: { prompt_tokens: 4, total_tokens: 4 },
      };
      await using stub = await openStub((_request, res) => sendJson(res, 200, list));
      await using provider = openProvider();
      const events = await collect(provider.embed(embeddingCallOf(stub.url, ['a', 'b'], encoding), never));
      const expected = encoding === 'float' ? vector : base64;
      assert.deepEqual(events.slice(1), [
        { type: 'embedding', index: 0, embedding: expected },
        { type: 'embedding', index: 1, embedding: expected },
        { type: 'usage', usage: { inputTokens: 4, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 } },
      ]);
      assert.equal(stub.requests[0]?.path, '/v1/embeddings');
    });
  }
}

test('OpenAI provider: fewer embeddings than inputs is a broken answer', async () => {
  await using stub = await openStub((_request, res) => sendJson(res, 200, { data: [{ index: 0, embedding: [1] }] }));
  await using provider = openProvider();
  const error = await failureOf(provider.embed(embeddingCallOf(stub.url, ['a', 'b'], 'float'), never));
  assert.deepEqual([error.code, error.mayBeBilled], ['provider_bad_gateway', true]);
});

test('OpenAI provider: embeddings are billed as counted', async () => {
  await using simulator = await openOpenAiSimulator({ apiKey: null });
  await using provider = openProvider();
  const call = embeddingCallOf(simulator.url, ['one text', 'another one'], 'float');
  const deployment = { ...call.deployment, upstreamModel: 'text-embedding-3-small' };
  const events = await collect(provider.embed({ ...call, deployment }, never));
  assert.deepEqual(
    events.map(({ type }) => type),
    ['accepted', 'embedding', 'embedding', 'usage'],
  );
  const usage = events.at(-1);
  assert.equal(usage?.type === 'usage' && usage.usage.inputTokens, simulator.billed()[0]?.promptTokens);
});

test("OCI's compatible surface: with a Generative AI API key", async () => {
  await using simulator = await openOciSimulator({ identities: [], apiKeys: [apiKey] });
  await using provider = openProvider();
  const target = openAiTargetOf(`${simulator.url}/openai/v1`, { auth: { type: 'bearer', apiKey } });
  const deployment = openAiDeploymentOf('meta.llama-3.3-70b-instruct', target, 'oci');
  const { choices } = assemble(await collect(provider.chat(callOf(deployment), never)));
  assert.equal(choices[0]?.finishReason, 'stop');
});

test("OCI's compatible surface: signed, with our id; Cohere and other compartments are refused", async () => {
  const identity = createSimulatedIdentity();
  await using simulator = await openOciSimulator({ identities: [identity] });
  await using provider = openProvider();
  const { tenancy, user, fingerprint, keyPem, compartmentId } = identity;
  const deploymentIn = (model: string, compartment: string) => {
    const as = { type: 'api_key', tenancy, user, fingerprint, privateKeyPem: keyPem, passphrase: null } as const;
    const auth = { type: 'oci', identity: as, compartmentId: compartment } as const;
    return openAiDeploymentOf(model, openAiTargetOf(`${simulator.url}/openai/v1`, { auth }), 'oci');
  };
  await collect(provider.chat(callOf(deploymentIn('meta.llama-3.3-70b-instruct', compartmentId)), never));
  assert.ok(simulator.billed()[0]?.clientRequestId?.startsWith(`${sampleCallId}.`));

  const cohere = await failureOf(provider.chat(callOf(deploymentIn('cohere.command-r-08-2024', compartmentId)), never));
  assert.match(cohere.message, /^litellm\.BadRequestError: OciException - .*Unsupported OpenAI operation/);
  const elsewhere = callOf(deploymentIn('meta.llama-3.3-70b-instruct', 'ocid1.compartment.oc1..other'));
  assert.equal((await failureOf(provider.chat(elsewhere, never))).code, 'provider_not_found');
  assert.equal(simulator.billed().length, 1);
});

test("OCI's compatible surface: a token that was revoked is renewed, and the call repeated", async () => {
  await using at = await setUpIdentities();
  await using provider = openOpenAiProvider({ signers: at.signers, connectionsPerDeployment: 4 });
  const auth = {
    type: 'oci',
    identity: { type: 'instance_principal' },
    compartmentId: simulatedUser.compartmentId,
  } as const;
  const target = openAiTargetOf(`${at.simulator.url}/openai/v1`, { auth });
  const call = callOf(openAiDeploymentOf('meta.llama-3.3-70b-instruct', target, 'oci'));
  await collect(provider.chat(call, never));
  at.simulator.principals.revokeTokens();
  await collect(provider.chat(call, never));
  const { federations, refusals } = at.simulator.principals.counts();
  assert.deepEqual([federations, refusals, at.simulator.billed().length], [2, 1, 2]);
});

function embeddingCallOf(url: string, input: string[], encoding: 'float' | 'base64'): EmbeddingCall {
  return {
    callId: sampleCallId,
    deployment: openAiDeploymentOf('embed', openAiTargetOf(`${url}/v1`)),
    request: { model: 'embed', input, encoding_format: encoding },
    dropParams: false,
    timeouts: { connectMs: 1000, firstTokenMs: 10_000, betweenTokensMs: 10_000 },
    mayBeSent: Promise.resolve(),
  };
}
