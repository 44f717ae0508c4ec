import { CallId } from '@sluice/shared/ids.ts';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import { openSigners } from '../../services/worker/src/providers/oci/identity/open-signers.ts';
import { openOciProvider } from '../../services/worker/src/providers/oci/oci-provider.ts';
import type { ProviderEvent } from '../../services/worker/src/providers/provider.ts';
import type { Behaviour } from '../oci-simulator/behaviour.ts';
import type { BilledCall } from '../oci-simulator/billing.ts';
import { createSimulatedIdentity } from '../oci-simulator/identity.ts';
import type { SimulatedIdentity } from '../oci-simulator/identity.ts';
import { endpointOcid } from '../oci-simulator/models.ts';
import { openOciSimulator } from '../oci-simulator/simulator.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { answerThroughSurface } from './answer-through-surface.ts';
import type { ClientAnswer } from './answer-through-surface.ts';
import { deploymentOf as plainDeploymentOf } from '../../services/worker/test/providers/oci/fixtures.ts';

export interface Ask {
  readonly model: string;
  readonly dedicated?: boolean;
  readonly request: Partial<ChatCompletionRequest>;
  readonly stream?: boolean;
  readonly dropParams?: boolean;
  readonly maxTokens?: number;
  readonly behaviour?: Partial<Behaviour>;
}

export interface Asked {
  readonly answer: ClientAnswer;
  /** What the simulator charged for. */
  readonly billed: BilledCall;
  /** What the model was sent. */
  readonly chatRequest: Readonly<Record<string, unknown>>;
}

/** The OCI provider before the simulator, over HTTP and with signatures, and OpenAI's surface behind it. */
export interface OciClient extends AsyncDisposable {
  /** @throws ProviderError */
  ask(ask: Ask): Promise<Asked>;
}

/** A call may not take longer: the simulator answers at once. */
const limitMs = 20_000;

export async function openOciClient(): Promise<OciClient> {
  await using opened = new AsyncDisposableStack();
  const identity = createSimulatedIdentity();
  let chatRequest: Asked['chatRequest'] = {};
  const simulator = opened.use(
    await openOciSimulator({ identities: [identity], onChatRequest: (request) => (chatRequest = request) }),
  );
  const signers = opened.use(openSigners({ env: {}, log: silentLogger }));
  const provider = opened.use(openOciProvider({ signers, connectionsPerDeployment: 4, graceMs: 50 }));
  const resources = opened.move();
  return {
    async ask({
      model,
      dedicated = false,
      request,
      stream = false,
      dropParams = false,
      maxTokens = 400,
      behaviour = {},
    }) {
      simulator.setBehaviour(behaviour);
      simulator.clearBilled();
      const call = {
        callId: CallId.parse('chatcmpl-3b241101-e2bb-4255-8caf-4136c566a962:1'),
        deployment: deploymentOf(model, dedicated, simulator.url, identity),
        request: { model: 'chat', messages: [{ role: 'user' as const, content: 'Hello' }], ...request },
        stream,
        outputTokensCap: maxTokens,
        dropParams,
        mayBeSent: Promise.resolve(),
        timeouts: { connectMs: limitMs, firstTokenMs: limitMs, betweenTokensMs: limitMs },
      };
      const events: ProviderEvent[] = [];
      for await (const batch of provider.chat(call, AbortSignal.timeout(limitMs))) events.push(...batch);
      await waitUntil(() => simulator.callsInFlight() === 0, { what: 'the bill' });
      const [billed, ...others] = simulator.billed();
      if (!billed || others.length > 0) throw new Error(`Billed are ${simulator.billed().length} calls, not one.`);
      return { answer: await answerThroughSurface(events, stream), billed, chatRequest };
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** @param identity absent: nothing is signed with it */
export function deploymentOf(
  model: string,
  dedicated = false,
  endpoint: string | null = null,
  identity: Partial<SimulatedIdentity> = {},
): Deployment {
  const { tenancy = '', user = '', fingerprint = '', compartmentId = '', region = 'us-chicago-1' } = identity;
  const { keyPem: privateKeyPem = '' } = identity;
  return {
    ...plainDeploymentOf(model, endpoint),
    target: {
      api: 'oci',
      region,
      endpoint,
      compartmentId,
      servingMode: dedicated ? { type: 'DEDICATED', endpointId: endpointOcid(model) } : { type: 'ON_DEMAND' },
      identity: { type: 'api_key', tenancy, user, fingerprint, privateKeyPem, passphrase: null },
    },
  };
}
