import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPairSync } from 'node:crypto';
import { silentLogger } from '@sluice/shared/log.ts';
import { parseExactly } from '../../../src/providers/http/exact-json.ts';
import { openSigners } from '../../../src/providers/oci/identity/open-signers.ts';
import { openOciProvider } from '../../../src/providers/oci/oci-provider.ts';
import type { ProviderEvent } from '../../../src/providers/provider.ts';
import { assemble, chatCallOf, countingIds, deploymentOf } from '../oci/fixtures.ts';
import { openStub, sendJson } from './stub-server.ts';

const kept: readonly string[] = [
  '{"id":12345678901234567890}',
  '[-9223372036854775808,[9007199254740993],{"deep":{"id":18446744073709551615}}]',
  '{"id":9007199254740991,"text":"12345678901234567890","n":0.1,"e":null}',
  '12',
];
for (const json of kept) {
  test(`exact JSON: ${json} is written as it was read`, () => {
    assert.equal(JSON.stringify(parseExactly(json)), json);
  });
}

test('exact JSON: numbers that are not long integers are numbers', () => {
  const json = '{"a": 1.2345678901234567e3, "b": -0.12345678901234567, "c": [1e400, 9007199254740991]}';
  assert.deepEqual(parseExactly(json), JSON.parse(json));
});

test('exact JSON: what is none is refused', () => {
  assert.throws(() => parseExactly('{"id":12345678901234567890'), SyntaxError);
});

test('a long id comes through the SDK in both directions, to and from a format that sends values', async () => {
  const parameters = '{"id":12345678901234567890}';
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const model = 'cohere.command-a-03-2025';
  const chatResponse = parseExactly(
    `{"apiFormat":"COHERE","text":"","toolCalls":[{"name":"f","parameters":${parameters}}],"finishReason":"COMPLETE"}`,
  );
  await using resources = new AsyncDisposableStack();
  const stub = resources.use(await openStub((_, res) => sendJson(res, 200, { modelId: model, chatResponse })));
  const signers = resources.use(openSigners({ env: {}, log: silentLogger }));
  const provider = resources.use(
    openOciProvider({ signers, connectionsPerDeployment: 1, newToolCallId: countingIds() }),
  );

  const events: ProviderEvent[] = [];
  const call = chatCallOf(model, {
    messages: [
      {
        role: 'assistant',
        tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: parameters } }],
      },
      { role: 'tool', tool_call_id: '1', content: '{"parent":98765432109876543210}' },
    ],
  });
  const deployment = deploymentOf(model, stub.url, pem);
  for await (const batch of provider.chat({ ...call, deployment }, AbortSignal.timeout(10_000))) events.push(...batch);

  const sent = stub.requests[0]?.body.toString() ?? '';
  assert.equal(sent.split(`"parameters":${parameters}`).length, 3, 'in the history and beside the result');
  assert.ok(sent.includes('"outputs":[{"parent":98765432109876543210}]'));
  assert.equal(assemble(events).choices[0]?.toolCalls[0]?.arguments, parameters);
});
