import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { isFields, isObject, type Check } from '../checks.ts';
import { eventsOf, identity, onDemand, openSimulator, pick } from './signed-call.ts';

/** As much of oci-common and oci-generativeaiinference as is used here; the test package does not depend on them. */
interface Sdk {
  readonly common: {
    readonly SimpleAuthenticationDetailsProvider: new (...args: readonly unknown[]) => object;
    readonly InstancePrincipalsAuthenticationDetailsProviderBuilder: new () => InstanceBuilder;
    readonly NoRetryConfigurationDetails: object;
    readonly Region: { readonly US_CHICAGO_1: object };
  };
  readonly inference: {
    readonly GenerativeAiInferenceClient: new (auth: object, configuration: object) => ChatClient;
  };
}

interface ChatClient {
  endpoint: string;
  chat(request: object): Promise<unknown>;
  close(): void;
}

interface InstanceBuilder {
  metadataBaseUrl: string;
  federationEndpoint: string;
  readonly circuitBreaker: { shutdown(): void };
  build(): Promise<object>;
}

const llama = 'meta.llama-3.3-70b-instruct';
const sdk = loadSdk();

test('the real SDK signs, chats and streams', { skip: sdk === undefined && 'the SDK is not installed' }, async () => {
  assert.ok(sdk);
  const { common, inference } = sdk;
  await using simulator = await openSimulator();
  const { tenancy, user, fingerprint, keyPem, compartmentId } = identity;
  const key = [tenancy, user, fingerprint, keyPem, null, common.Region.US_CHICAGO_1];
  const client = new inference.GenerativeAiInferenceClient(
    { authenticationDetailsProvider: new common.SimpleAuthenticationDetailsProvider(...key) },
    { retryConfiguration: common.NoRetryConfigurationDetails },
  );
  client.endpoint = simulator.url;
  const ask = (isStream: boolean, modelId = llama): Promise<unknown> => {
    const messages = [{ role: 'USER', content: [{ type: 'TEXT', text: 'Hello #sim {"outputTokens":4}' }] }];
    const chatRequest = { apiFormat: 'GENERIC', messages, isStream };
    return client.chat({ chatDetails: { compartmentId, servingMode: onDemand(modelId), chatRequest } });
  };

  const whole = await ask(false);
  assert.equal(pick(whole, 'chatResult', 'modelId'), llama);
  assert.equal(simulator.billed()[0]?.callId, pick(whole, 'opcRequestId'));
  assert.ok(simulator.billed()[0]?.retryToken);

  const stream = await ask(true);
  assert.ok(stream instanceof ReadableStream);
  assert.equal(eventsOf(await new Response(stream).text()).at(-1), '[DONE]');

  await assert.rejects(ask(false, 'meta.llama-9'), { statusCode: 404, serviceCode: '404' });
  client.close();
});

test(
  'the real SDK becomes a principal by way of metadata and federation',
  { skip: sdk === undefined && 'the SDK is not installed' },
  async () => {
    assert.ok(sdk);
    const { common, inference } = sdk;
    await using simulator = await openSimulator();
    const builder = new common.InstancePrincipalsAuthenticationDetailsProviderBuilder();
    builder.metadataBaseUrl = `${simulator.url}/opc/v2/`;
    builder.federationEndpoint = simulator.url;
    const client = new inference.GenerativeAiInferenceClient(
      { authenticationDetailsProvider: await builder.build() },
      { retryConfiguration: common.NoRetryConfigurationDetails },
    );
    client.endpoint = simulator.url;
    const chatRequest = {
      apiFormat: 'GENERIC',
      messages: [{ role: 'USER', content: [{ type: 'TEXT', text: 'Hello' }] }],
      isStream: false,
    };
    const { compartmentId } = identity;
    const answer = await client.chat({ chatDetails: { compartmentId, servingMode: onDemand(llama), chatRequest } });
    assert.equal(pick(answer, 'chatResult', 'modelId'), llama);
    assert.equal(simulator.principals.counts().federations, 1);
    client.close();
    builder.circuitBreaker.shutdown();
  },
);

function loadSdk(): Sdk | undefined {
  const require = createRequire(new URL('../../../services/worker/package.json', import.meta.url));
  try {
    const [common, inference] = ['oci-common', 'oci-generativeaiinference'].map((name): unknown => require(name));
    const loaded: unknown = { common, inference };
    return isSdk(loaded) ? loaded : undefined;
  } catch {
    return undefined;
  }
}

function isSdk(value: unknown): value is Sdk {
  const areModules: Check<unknown> = isFields({ common: isObject, inference: isObject }, {});
  return areModules(value);
}
