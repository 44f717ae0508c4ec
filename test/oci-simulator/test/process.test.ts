import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { createSimulatorClient } from '../client.ts';
import { identityFromPem } from '../identity.ts';
import { jsonOf, pick } from './signed-call.ts';

const main = new URL('../main.ts', import.meta.url).pathname;

test(
  'the simulator as a process keeps its identity, obeys its client and stops on SIGTERM',
  { timeout: 20_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oci-simulator-'));
    await using resources = new AsyncDisposableStack();
    resources.defer(() => rm(folder, { recursive: true }));
    const file = join(folder, 'identity.json');
    const keyIds = new Set<unknown>();
    for (let start = 0; start < 2; start += 1) {
      const child = spawn(process.execPath, [main, '--identity', file], { stdio: ['ignore', 'pipe', 'inherit'] });
      const line = await new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve));
      keyIds.add(pick(jsonOf(line), 'identity', 'keyId'));
      assert.equal(pick(jsonOf(line), 'identity', 'keyPem'), undefined);

      const client = createSimulatorClient(String(pick(jsonOf(line), 'url')));
      await client.setBehaviour({ delayMs: 1 });
      await client.enqueueFaults([{ count: 2, behaviour: { fail: { status: 503 } } }]);
      await client.setControlPlane({ delayMs: 1, without: ['xai.grok-4'], endless: false });
      await client.clearBilled();
      assert.deepEqual(await client.billed(), []);
      assert.equal(await client.callsInFlight(), 0);

      child.kill('SIGTERM');
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    }
    assert.equal(keyIds.size, 1);
    const stored = jsonOf(await readFile(file, 'utf8'));
    assert.equal(identityFromPem(String(pick(stored, 'keyPem'))).keyId, pick(stored, 'keyId'));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  },
);
