import assert from 'node:assert/strict';
import { glob, readFile, readdir, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chat } from './ask.ts';
import { openDistributedGateway, openEmbeddedGateway } from './gateway.ts';
import type { DistributedGateway, EmbeddedGateway } from './gateway.ts';

describe('distributed: with instance principals', () => {
  let gateway: DistributedGateway;
  before(async () => {
    gateway = await openDistributedGateway({ identity: 'instance_principal' });
  });
  after(() => gateway[Symbol.asyncDispose]());

  const worker = () => gateway.workers[0] ?? assert.fail('no worker');
  const status = async () => (await chat(gateway, gateway.masterKey)).status;

  test('tokens that live for two seconds end without an error for any client', async () => {
    const { principals } = gateway.simulator;
    principals.set({ tokenLifeS: 2 });
    await waitUntilIssued(4);
    principals.set({});
    await waitUntilIssued(principals.counts().issuedTokens + 1); // for the tests below: one that lasts

    async function waitUntilIssued(tokens: number) {
      while (principals.counts().issuedTokens < tokens) {
        const answers = await Promise.all(Array.from({ length: 5 }, status));
        assert.deepEqual(new Set(answers), new Set([200]));
      }
    }
  });

  test('a configuration without a key answers whole, streamed, and with embeddings', async () => {
    assert.equal(await status(), 200);
    const streamed = await chat(gateway, gateway.masterKey, { stream: true });
    assert.match(streamed.text, /data: \[DONE\]/);
    const { data } = await gateway.client().embeddings.create({ model: 'embed', input: 'Hello.' });
    assert.equal(data.length, 1);
  });

  test('200 concurrent requests while every token is revoked: one federation call, no failure', async () => {
    const { principals } = gateway.simulator;
    const counts = principals.counts();
    const asked = Array.from({ length: 100 }, status);
    principals.revokeTokens();
    asked.push(...Array.from({ length: 100 }, status));
    assert.deepEqual(new Set(await Promise.all(asked)), new Set([200]));
    assert.equal(principals.counts().federations - counts.federations, 1);
    assert.ok(principals.counts().refusals > counts.refusals);
  });

  test('no key material on the file system of the process, nor in its environment and log', async (t) => {
    if (process.platform !== 'linux') return t.skip('there is no /proc');
    assert.equal(await status(), 200);
    const { leaf } = await gateway.simulator.principals.instance();
    const pemLine = leaf.keyPem.split('\n')[3] ?? assert.fail('no key');
    const secrets = [pemLine, 'PRIVATE KEY', 'ST$'];
    const { pid } = worker();

    const texts = new Map([
      ['the environment', await readFile(`/proc/${pid}/environ`, 'latin1')],
      ['the log', worker().output()],
    ]);
    for (const file of await filesOf(pid, gateway.folder)) texts.set(file, await readFile(file, 'latin1'));
    assert.ok(
      [...texts.keys()].some((name) => name.endsWith('config-1.yaml')),
      'the search has found nothing',
    );
    for (const [name, text] of texts) {
      for (const secret of secrets) assert.ok(!text.includes(secret), `${name} holds ${secret}`);
    }
  });
});

describe('embedded: with an identity for each alias', () => {
  const kinds = ['config_file', 'session_token', 'resource_principal', 'oke_workload_identity'] as const;
  let gateway: EmbeddedGateway;
  before(async () => {
    gateway = await openEmbeddedGateway({ identities: Object.fromEntries(kinds.map((kind) => [kind, kind])) });
  });
  after(() => gateway[Symbol.asyncDispose]());

  for (const kind of kinds) {
    test(`${kind}: the gateway answers whole and streamed`, async () => {
      gateway.simulator.clearBilled();
      assert.equal((await chat(gateway, gateway.masterKey, { model: kind })).status, 200);
      const streamed = await chat(gateway, gateway.masterKey, { model: kind, stream: true });
      assert.match(streamed.text, /data: \[DONE\]/);
      assert.equal(gateway.simulator.billed().length, 2);
    });
  }
});

/** Files in the folder, which is the process's home and its place for temporary files, and all that it holds open. */
async function filesOf(pid: number, folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const name of glob('**/*', { cwd: folder })) found.push(path.join(folder, name));
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    if (target.startsWith('/') && !target.startsWith('/dev/')) found.push(`/proc/${pid}/fd/${fd}`);
  }
  const isFile = await Promise.all(found.map(async (name) => (await stat(name).catch(() => null))?.isFile() === true));
  return found.filter((_name, at) => isFile[at]);
}
