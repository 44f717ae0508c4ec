import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { z } from 'zod';
import { openChild } from '../servers/child.ts';
import type { Child } from '../servers/child.ts';
import { freePort } from '../servers/free-port.ts';
import { openTemporaryFolder } from '../servers/temporary-folder.ts';
import type { TemporaryFolder } from '../servers/temporary-folder.ts';
import { createSimulatedIdentity } from '../oci-simulator/identity.ts';
import { processesIn } from '../servers/processes-in.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { endOf, plainEnv, root } from './run-program.ts';

const run = promisify(execFile);
const program = 'deploy/embedded/src/main.ts';

const Completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().min(1) }) })).min(1),
});
const Info = z.object({ info: z.object({ spend: z.number() }) });

describe('npm start, without a configuration', () => {
  let folder: TemporaryFolder;
  let data: string;
  let gateway: Child;
  let port: number;

  const start = () =>
    openChild({
      command: process.execPath,
      args: [program, '--port', String(port), '--data', data],
      cwd: root,
      env: plainEnv,
      ready: { line: /^curl .*$/m },
      readyDeadlineMs: 60_000,
    });
  const shown = (what: RegExp) => what.exec(gateway.output())?.[1] ?? assert.fail(gateway.output());
  const masterKey = () => shown(/^Master key.*: (sk-\S+)$/m);
  const virtualKey = () => shown(/^Virtual key: (sk-\S+)$/m);
  const get = async (target: string): Promise<unknown> => {
    const headers = { authorization: `Bearer ${masterKey()}` };
    return (await fetch(`http://127.0.0.1:${port}${target}`, { headers })).json();
  };
  const spent = async () => Info.parse(await get(`/key/info?key=${virtualKey()}`)).info.spend;

  before(async () => {
    folder = await openTemporaryFolder('start');
    data = path.join(folder.path, 'data');
    port = await freePort();
    gateway = await start();
  });
  after(async () => {
    await gateway.stop();
    await folder[Symbol.asyncDispose]();
  });

  test('says where it is, which keys it made, and that nothing here is a model', () => {
    assert.match(gateway.output(), new RegExp(`^Sluice is listening on http://127\\.0\\.0\\.1:${port}$`, 'm'));
    assert.match(gateway.output(), /SIMULATOR/);
    assert.match(masterKey(), /^sk-.{16,}/);
    assert.match(virtualKey(), /^sk-[\w-]{22}$/);
    assert.notEqual(masterKey(), virtualKey());
  });

  test('the curl line works when pasted into a shell', async () => {
    const { stdout } = await run('sh', ['-c', `${shown(/^(curl .*)$/m)} -sS`], { env: plainEnv });
    assert.ok(Completion.parse(JSON.parse(stdout)).choices[0]?.message.content);
    await waitUntil(async () => (await spent()) > 0, { what: 'it is in the books' });
  });

  test("the README's first requests work as they stand there", async () => {
    const readme = await readFile(path.join(import.meta.dirname, '../../README.md'), 'utf8');
    const section = readme.split('## First requests')[1]?.split('\n## ')[0] ?? '';
    const requests = section.match(/^curl (?:.*\\\n)*.*$/gm) ?? [];
    assert.equal(requests.length, 5);
    for (const request of requests) {
      const here = request.replaceAll('127.0.0.1:4000', `127.0.0.1:${port}`);
      await run('sh', ['-c', `${here} -sS --fail-with-body`], { env: { ...plainEnv, KEY: virtualKey() } });
    }
  });

  test('what it keeps is for its owner alone', async () => {
    for (const file of ['state.json', 'simulator-identity.pem']) {
      assert.equal((await stat(path.join(data, file))).mode & 0o777, 0o600, file);
    }
    assert.equal((await stat(path.join(data, 'postgres'))).mode & 0o777, 0o700);
  });

  test('a second start on the same port says so, and leaves nothing running', async () => {
    const other = path.join(folder.path, 'other');
    const { code, stderr } = await endOf(program, ['--port', String(port), '--data', other]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`${port}`));
    assert.match(stderr, /already in use|EADDRINUSE/);
    assert.doesNotMatch(stderr, /^\s+at /m, 'no stack for what an operator can mend');
    assert.deepEqual(processesIn(other), []);
  });

  test('a second start on the same data says so, and the first goes on', async () => {
    const { code, stderr } = await endOf(program, ['--port', String(await freePort()), '--data', data]);
    assert.equal(code, 1);
    assert.ok(stderr.includes(data), stderr);
    assert.match(stderr, /in use|running|another/i);
    assert.ok((await spent()) > 0);
  });

  test('SIGTERM ends it, and its PostgreSQL; a start on the same data has the same keys and books', async () => {
    const earlier = {
      master: masterKey(),
      virtual: virtualKey(),
      spent: await spent(),
      rows: await get('/spend/logs'),
    };
    const state = await readFile(path.join(data, 'state.json'), 'utf8');
    const askedAt = performance.now();
    gateway.signal('SIGTERM');
    assert.deepEqual(await gateway.exited, { code: 0, signal: null });
    assert.ok(performance.now() - askedAt < 5_000);
    assert.doesNotMatch(gateway.output(), /dependency failed/, 'PostgreSQL ends because we do');
    assert.deepEqual(processesIn(data), []);

    gateway = await start();
    assert.deepEqual(
      { master: masterKey(), virtual: virtualKey(), spent: await spent(), rows: await get('/spend/logs') },
      earlier,
    );
    assert.equal(await readFile(path.join(data, 'state.json'), 'utf8'), state);
  });

  test('kill -9 loses neither keys nor books, nor leaves a PostgreSQL behind', async () => {
    const earlier = { virtual: virtualKey(), spent: await spent() };
    gateway.signal('SIGKILL');
    await gateway.exited;
    await waitUntil(() => processesIn(data).length === 0, { what: 'PostgreSQL has ended' });
    gateway = await start();
    assert.deepEqual({ virtual: virtualKey(), spent: await spent() }, earlier);
  });
});

describe('npm start, told something wrong', () => {
  let folder: TemporaryFolder;
  before(async () => {
    folder = await openTemporaryFolder('start-wrong');
  });
  after(() => folder[Symbol.asyncDispose]());

  const model = 'model_list:\n  - model_name: a\n    litellm_params:\n      model: oci/xai.grok-4\n';
  const identity = [
    '      oci_region: us-chicago-1',
    '      oci_user: ocid1.user.oc1..aaaa',
    '      oci_fingerprint: "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99"',
    '      oci_tenancy: ocid1.tenancy.oc1..aaaa',
    '      oci_compartment_id: ocid1.compartment.oc1..aaaa',
  ].join('\n');

  const wrong: readonly (readonly [why: string, yaml: string, message: RegExp])[] = [
    ['a variable that is not set', `${model}${identity}\n      oci_key: os.environ/NOT_THERE\n`, /oci_key.*NOT_THERE/s],
    ['a wrong type', `${model}      timeout: soon\n`, /model_list\[0\]\.litellm_params\.timeout/],
    ['an unknown key of ours', 'sluice_settings:\n  max_request_mbs: 1\n', /sluice_settings\.max_request_mbs/],
    ['a fallback to nowhere', `${model}router_settings:\n  fallbacks: [{a: [b]}]\n`, /fallbacks.*b/s],
    ['what is not YAML', 'model_list: [', /config\.yaml/],
  ];
  for (const [index, [why, yaml, message]] of wrong.entries()) {
    const flags = index % 2 === 0 ? [] : ['--check-config'];
    test(`exit 1 for ${why}${flags.length > 0 ? ', when it is only checked' : ''}`, async () => {
      const config = path.join(folder.path, 'config.yaml');
      await writeFile(config, yaml);
      const data = path.join(folder.path, 'data');
      const { code, stderr, stdout } = await endOf(program, ['--config', config, '--data', data, ...flags]);
      assert.equal(code, 1, stdout);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /^\s+at /m);
      assert.deepEqual(await readdir(folder.path), ['config.yaml'], 'nothing was begun');
    });
  }

  test('exit 0 for --check-config of a file that is right, with what it comes to and no secret', async () => {
    const config = path.join(folder.path, 'config.yaml');
    await writeFile(config, `${model}${identity}\n      oci_key_file: ${path.join(folder.path, 'key.pem')}\n`);
    await writeFile(path.join(folder.path, 'key.pem'), createSimulatedIdentity().keyPem);
    const { code, stdout, stderr } = await endOf(program, ['--config', config, '--check-config']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /oci\/xai\.grok-4/);
    assert.match(stdout, /The configuration is valid/);
    assert.doesNotMatch(stdout, /PRIVATE KEY/);
  });

  test('exit 0 for --check-config with an identity that only works elsewhere, and a warning', async () => {
    const config = path.join(folder.path, 'config.yaml');
    const place = 'oci_compartment_id: ocid1.compartment.oc1..a\n      oci_region: us-chicago-1';
    await writeFile(config, `${model}      oci_auth: resource_principal\n      ${place}\n`);
    const { code, stderr } = await endOf(program, ['--config', config, '--check-config']);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^warning: identity resource_principal \(of \w+\) cannot sign here: OCI_RESOURCE_\w+, /m);
  });

  test('a first start, which begins again once it is compiled, warns once', async () => {
    await using own = await openTemporaryFolder('first-start');
    const config = path.join(own.path, 'config.yaml');
    await writeFile(config, 'litellm_settings:\n  not_known_to_anybody: 1\n');
    const env = {
      NODE_COMPILE_CACHE: path.join(own.path, 'compiled'),
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nowhere',
    };
    const { code, stderr } = await endOf(program, ['--config', config, '--data', path.join(own.path, 'data')], env, {
      timeoutMs: 60_000, // everything is compiled
    });
    assert.equal(code, 1);
    assert.equal(stderr.match(/^warning: .*not_known_to_anybody/gm)?.length, 1, stderr);
    assert.match(stderr, /database is not available/);
  });

  test('exit 1 for a file that is not there', async () => {
    const { code, stderr } = await endOf(program, ['--config', '/nowhere/config.yaml']);
    assert.equal(code, 1);
    assert.match(stderr, /\/nowhere\/config\.yaml/);
    assert.doesNotMatch(stderr, /^\s+at /m);
  });

  test('exit 0 and every option for --help', async () => {
    const { code, stdout } = await endOf(program, ['--help']);
    assert.equal(code, 0);
    for (const option of ['--config', '--port', '--data', '--check-config']) assert.ok(stdout.includes(option), option);
  });

  for (const args of [['--prot', '4000'], ['--port', 'http'], ['--port', '70000'], ['surprise']]) {
    test(`exit 1 for ${args.join(' ')}`, async () => {
      const { code, stderr } = await endOf(program, args);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(args.at(-1) === 'surprise' ? 'surprise' : (args[0] ?? '')));
      assert.doesNotMatch(stderr, /^\s+at /m);
    });
  }
});
