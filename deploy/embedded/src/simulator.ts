import { readFile, writeFile } from 'node:fs/promises';
import { createSimulatedIdentity, identityFromPem } from '@sluice/test/oci-simulator/identity.ts';
import type { SimulatedIdentity } from '@sluice/test/oci-simulator/identity.ts';
import { openOciSimulator } from '@sluice/test/oci-simulator/simulator.ts';

/** The simulator of OCI on a free port, with an identity that is made once and kept in a file. */
export async function openSimulator(
  identityFile: string,
): Promise<AsyncDisposable & { readonly url: string; readonly identity: SimulatedIdentity }> {
  const stored = await readFile(identityFile, 'utf8').catch(() => null);
  const identity = stored === null ? createSimulatedIdentity() : identityFromPem(stored);
  if (stored === null) await writeFile(identityFile, identity.keyPem, { mode: 0o600 });
  const simulator = await openOciSimulator({ identities: [identity] });
  return { url: simulator.url, identity, [Symbol.asyncDispose]: () => simulator[Symbol.asyncDispose]() };
}
