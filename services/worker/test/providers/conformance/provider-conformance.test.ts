import { after } from 'node:test';
import type {
  AnthropicTarget,
  Deployment,
  OciTarget,
  OpenAiTarget,
  Target,
} from '@sluice/shared/config/gateway-config.ts';
import { openAnthropicSimulator } from '../../../../../test/anthropic-simulator/simulator.ts';
import { createSimulatedIdentity } from '../../../../../test/oci-simulator/identity.ts';
import { openOciSimulator } from '../../../../../test/oci-simulator/simulator.ts';
import { openOpenAiSimulator } from '../../../../../test/openai-simulator/simulator.ts';
import { openAnthropicProvider } from '../../../src/providers/anthropic/anthropic-provider.ts';
import { openSigners } from '../../../src/providers/oci/identity/open-signers.ts';
import { openOciProvider } from '../../../src/providers/oci/oci-provider.ts';
import { openOpenAiProvider } from '../../../src/providers/openai/openai-provider.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import { deploymentOf } from '../oci/fixtures.ts';
import { providerConformance } from './provider-conformance.ts';
import type { ProviderUnderTest } from './provider-conformance.ts';

const apiKey = 'sk-of-the-conformance-tests';
const wrongKey = 'sk-that-nobody-knows-of-1234';
const known = createSimulatedIdentity();
const unknown = createSimulatedIdentity();
const connectionsPerDeployment = 4;

const signers = openSigners({ env: {}, log: { info: () => undefined, warn: () => undefined } });
after(() => signers[Symbol.asyncDispose]());

providerConformance(
  "OCI's own API",
  () =>
    underTest(openOciSimulator({ identities: [known] }), openOciProvider({ signers, connectionsPerDeployment }), {
      provider: 'oci',
      upstreamModel: 'xai.grok-3',
      thinker: 'xai.grok-3-mini',
      targetOf: (url, isKnown): OciTarget => ({
        api: 'oci',
        region: known.region,
        endpoint: url,
        compartmentId: known.compartmentId,
        servingMode: { type: 'ON_DEMAND' },
        identity: identityOf(isKnown),
      }),
    }),
  { exception: 'OciException', secrets: [known.keyPem, unknown.keyPem] },
);

const openAiTarget = (url: string, auth: OpenAiTarget['auth'], path = '/v1'): OpenAiTarget => ({
  api: 'openai',
  baseUrl: `${url}${path}`,
  query: {},
  headers: {},
  tokenLimit: 'max_completion_tokens',
  auth,
  region: null,
});

providerConformance(
  "OpenAI's API",
  () =>
    underTest(openOpenAiSimulator({ apiKey }), openAi(), {
      provider: 'openai',
      upstreamModel: 'gpt-4o-mini',
      thinker: 'qwen3:8b',
      targetOf: (url, isKnown) => openAiTarget(url, { type: 'bearer', apiKey: isKnown ? apiKey : wrongKey }),
    }),
  { exception: 'OpenAIException', secrets: [apiKey, wrongKey] },
);

for (const path of ['/openai/v1', '/20231130/actions/v1']) {
  providerConformance(
    `OCI's compatible surface ${path}`,
    () =>
      underTest(openOciSimulator({ identities: [known] }), openAi(), {
        provider: 'oci',
        upstreamModel: 'xai.grok-3',
        thinker: 'xai.grok-3-mini',
        targetOf: (url, isKnown) => {
          const { compartmentId } = known;
          return openAiTarget(url, { type: 'oci', identity: identityOf(isKnown), compartmentId }, path);
        },
      }),
    { exception: 'OciException', secrets: [known.keyPem, unknown.keyPem] },
  );
}

providerConformance(
  "Anthropic's API",
  () =>
    underTest(openAnthropicSimulator({ apiKey }), openAnthropicProvider({ connectionsPerDeployment }), {
      provider: 'anthropic',
      upstreamModel: 'claude-sonnet-4-5',
      thinker: 'claude-sonnet-4-5',
      targetOf: (url, isKnown): AnthropicTarget => ({
        api: 'anthropic',
        baseUrl: url,
        apiKey: isKnown ? apiKey : wrongKey,
        headers: {},
      }),
    }),
  { exception: 'AnthropicException', secrets: [apiKey, wrongKey] },
);

type Simulator = ProviderUnderTest['simulator'] & AsyncDisposable & { readonly url: string };

async function underTest(
  opening: Promise<Simulator>,
  provider: Provider,
  model: Pick<Deployment, 'provider' | 'upstreamModel'> & {
    readonly thinker: string;
    readonly targetOf: (url: string, isKnown: boolean) => Target;
  },
): Promise<ProviderUnderTest> {
  await using stack = new AsyncDisposableStack();
  const simulator = stack.use(await opening);
  stack.use(provider);
  const { provider: named, upstreamModel, thinker, targetOf } = model;
  const common = { ...deploymentOf(upstreamModel), provider: named, model: `${named}/${upstreamModel}` };
  const resources = stack.move();
  return {
    provider,
    simulator,
    deployment: { ...common, target: targetOf(simulator.url, true) },
    thinker: { ...common, id: 'thinker', upstreamModel: thinker, target: targetOf(simulator.url, true) },
    stranger: { ...common, id: 'stranger', target: targetOf(simulator.url, false) },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function openAi(): Provider {
  return openOpenAiProvider({ signers, connectionsPerDeployment });
}

function identityOf(isKnown: boolean): OciTarget['identity'] {
  const { tenancy, user, fingerprint, keyPem } = isKnown ? known : unknown;
  return { type: 'api_key', tenancy, user, fingerprint, privateKeyPem: keyPem, passphrase: null };
}
