import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isFields, isText } from './checks.ts';
import { createSimulatedIdentity, type SimulatedIdentity } from './identity.ts';
import { openOciSimulator } from './simulator.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    identity: { type: 'string' },
  },
});

const stopped = Promise.race(['SIGTERM', 'SIGINT'].map((name) => once(process, name)));
const identity = values.identity === undefined ? createSimulatedIdentity() : identityInFile(values.identity);
await using simulator = await openOciSimulator({
  port: Number(values.port),
  host: values.host,
  identities: [identity],
});

const { keyPem: _secret, ...known } = identity;
process.stdout.write(`${JSON.stringify({ url: simulator.url, identity: known })}\n`);
await stopped;

/** The identity of the file, which is made if it is not there. It holds a private key, so only its owner may read it. */
function identityInFile(path: string): SimulatedIdentity {
  if (!existsSync(path)) {
    const fresh = createSimulatedIdentity();
    writeFileSync(path, `${JSON.stringify(fresh, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    return fresh;
  }
  const stored: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!isIdentity(stored)) throw new Error(`${path} holds no identity`);
  return stored;
}

function isIdentity(value: unknown): value is SimulatedIdentity {
  return isFields(
    {
      tenancy: isText,
      user: isText,
      fingerprint: isText,
      keyPem: isText,
      publicKeyPem: isText,
      compartmentId: isText,
      region: isText,
      keyId: isText,
    },
    {},
  )(value);
}
