import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import type { OciIdentity } from '@sluice/shared/config/gateway-config.ts';
import { createSimulatedIdentity } from '../../../../../../test/oci-simulator/identity.ts';
import { openOciSimulator } from '../../../../../../test/oci-simulator/simulator.ts';
import type { OciSimulator } from '../../../../../../test/oci-simulator/simulator.ts';
import { openSigners } from '../../../../src/providers/oci/identity/open-signers.ts';
import type { OciSigners } from '../../../../src/providers/oci/identity/oci-signer.ts';
import { openOciProvider } from '../../../../src/providers/oci/oci-provider.ts';
import { ProviderError } from '../../../../src/providers/provider.ts';
import type { ProviderEvent } from '../../../../src/providers/provider.ts';
import { assemble, chatCallOf, deploymentOf } from '../fixtures.ts';

/** One user and one session key for all tests of a file: making a key takes 0.2 s. */
export const user = createSimulatedIdentity();
export const session = generateKeyPairSync('rsa', { modulusLength: 2048 });

const model = 'meta.llama-3.3-70b-instruct';

/** The real provider and its signers before the simulator, all on one clock that the test may put forward. */
export interface IdentitySetup extends AsyncDisposable {
  readonly simulator: OciSimulator;
  readonly signers: OciSigners;
  /** Read when an identity is used for the first time. */
  readonly env: Record<string, string>;
  /** One chat, to its end. @returns the text, or what the provider threw */
  ask(
    identity: OciIdentity,
    options?: { signal?: AbortSignal; firstTokenMs?: number },
  ): Promise<string | ProviderError>;
  putForward(seconds: number): void;
  /** All that was logged, with whatever hangs on it. */
  logged(): string;
}

/** The environment has the addresses of the simulator's metadata and auth service, and what the test adds. */
export async function setUpIdentities(added: Readonly<Record<string, string>> = {}): Promise<IdentitySetup> {
  await using stack = new AsyncDisposableStack();
  let skewMs = 0;
  const now = () => Date.now() + skewMs;
  const simulator = stack.use(await openOciSimulator({ identities: [user], now }));
  const lines: string[] = [];
  const note = (...parts: unknown[]) => void lines.push(inspect(parts, { depth: 10, showHidden: true }));
  const env: Record<string, string> = {
    OCI_METADATA_BASE_URL: `${simulator.url}/opc/v2`,
    OCI_SDK_AUTH_CLIENT_REGION_URL: simulator.url,
    ...added,
  };
  const signers = stack.use(openSigners({ env, log: { info: note, warn: note }, now, random: () => 0.5 }));
  const provider = stack.use(openOciProvider({ signers, connectionsPerDeployment: 32, now }));
  const resources = stack.move();
  return {
    simulator,
    signers,
    env,
    putForward: (seconds) => {
      skewMs += seconds * 1000;
    },
    logged: () => lines.join('\n'),
    async ask(identity, { signal = new AbortController().signal, firstTokenMs = 10_000 } = {}) {
      const plain = deploymentOf(model, simulator.url);
      if (plain.target.api !== 'oci') throw new Error('The fixture speaks another protocol.');
      const target = { ...plain.target, compartmentId: user.compartmentId, identity };
      const timeouts = { connectMs: 1000, firstTokenMs, betweenTokensMs: 10_000 };
      const call = chatCallOf(model, {}, { timeouts });
      const events: ProviderEvent[] = [];
      try {
        for await (const batch of provider.chat({ ...call, deployment: { ...plain, target } }, signal)) {
          events.push(...batch);
        }
      } catch (error) {
        if (error instanceof ProviderError) return error;
        throw error;
      }
      return assemble(events).choices[0]?.text ?? '';
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
