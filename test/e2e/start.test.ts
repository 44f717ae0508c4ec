import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { z } from 'zod';
import { openChild } from '../servers/child.ts';
import type { Child } from '../servers/child.ts';
import { freePort } from '../servers/free-port.ts';
import { openPostgresServer } from '../servers/postgres.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { notOurs } from '../servers/server.ts';
import { openTemporaryFolder } from '../servers/temporary-folder.ts';
import type { TemporaryFolder } from '../servers/temporary-folder.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { openDistributedGateway } from './gateway.ts';
import type { DistributedGateway } from './gateway.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
const program = path.join(root, 'deploy/embedded/src/main.ts');

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const Ended = z.object({ code: z.int(), stdout: z.string(), stderr: z.string() });

/** Runs a program to its end. */
async function endOf(file: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Ended> {
  try {
    const { stdout, stderr } = await run(process.execPath, [file, ...args], {
      cwd: root,
      env: { ...env, ...more },
      timeout: 20_000,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return Ended.parse(error);
  }
}

/** Command lines of running processes that name the folder. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((command) => command.includes(folder));
}

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
      env,
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
    const { stdout } = await run('sh', ['-c', `${shown(/^(curl .*)$/m)} -sS`], { env });
    assert.ok(Completion.parse(JSON.parse(stdout)).choices[0]?.message.content);
    await waitUntil(async () => (await spent()) > 0, { what: 'it is in the books', deadlineMs: 1_000 });
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
    const before = { master: masterKey(), virtual: virtualKey(), spent: await spent(), rows: await get('/spend/logs') };
    const state = await readFile(path.join(data, 'state.json'), 'utf8');
    const askedAt = performance.now();
    gateway.signal('SIGTERM');
    assert.deepEqual(await gateway.exited, { code: 0, signal: null });
    assert.ok(performance.now() - askedAt < 5_000);
    assert.deepEqual(processesIn(data), []);

    gateway = await start();
    assert.deepEqual(
      { master: masterKey(), virtual: virtualKey(), spent: await spent(), rows: await get('/spend/logs') },
      before,
    );
    assert.equal(await readFile(path.join(data, 'state.json'), 'utf8'), state);
  });

  test('kill -9 loses neither keys nor books, nor leaves a PostgreSQL behind', async () => {
    const before = { virtual: virtualKey(), spent: await spent() };
    gateway.signal('SIGKILL');
    await gateway.exited;
    await waitUntil(() => processesIn(data).length === 0, { what: 'PostgreSQL has ended' });
    gateway = await start();
    assert.deepEqual({ virtual: virtualKey(), spent: await spent() }, before);
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
  for (const [why, yaml, message] of wrong) {
    for (const flag of [[], ['--check-config']]) {
      test(`exit 1 for ${why}${flag.length > 0 ? ', also when it is only checked' : ''}`, async () => {
        const config = path.join(folder.path, 'config.yaml');
        await writeFile(config, yaml);
        const data = path.join(folder.path, 'data');
        const { code, stderr, stdout } = await endOf(program, ['--config', config, '--data', data, ...flag]);
        assert.equal(code, 1, stdout);
        assert.match(stderr, message);
        assert.ok(stderr.includes('config.yaml'), stderr);
        assert.doesNotMatch(stderr, /^\s+at /m);
        assert.deepEqual(await readdir(folder.path), ['config.yaml'], 'nothing was begun');
      });
    }
  }

  test('exit 0 for --check-config of a file that is right, with what it comes to and no secret', async () => {
    const config = path.join(folder.path, 'config.yaml');
    await writeFile(config, `${model}${identity}\n      oci_key_file: ${path.join(folder.path, 'key.pem')}\n`);
    await writeFile(path.join(folder.path, 'key.pem'), await simulatedKey());
    const { code, stdout, stderr } = await endOf(program, ['--config', config, '--check-config']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /oci\/xai\.grok-4/);
    assert.match(stdout, /The configuration is valid/);
    assert.doesNotMatch(stdout, /PRIVATE KEY/);
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

async function simulatedKey(): Promise<string> {
  const { createSimulatedIdentity } = await import('../oci-simulator/identity.ts');
  return createSimulatedIdentity().keyPem;
}

const services = ['ingress', 'worker', 'ledger'] as const;
const mainOf = (service: string) => path.join(root, `services/${service}/src/main.ts`);

describe('distributed: services start only where they can work', () => {
  let postgres: PostgresServer;
  before(async () => {
    postgres = await openPostgresServer();
  });
  after(() => postgres[Symbol.asyncDispose]());

  const place = (databaseUrl: string) => ({
    DATABASE_URL: databaseUrl,
    REDIS_URL: 'redis://127.0.0.1:1',
    NATS_URL: 'nats://127.0.0.1:1',
    LITELLM_MASTER_KEY: 'sk-master-of-the-tests',
    PORT: '0',
    HOST: '127.0.0.1',
  });

  for (const service of services) {
    test(`${service}: exit 1 for what is not set, all of it named`, async () => {
      const { code, stderr } = await endOf(mainOf(service), []);
      assert.equal(code, 1);
      for (const name of ['DATABASE_URL', 'REDIS_URL', 'NATS_URL']) assert.ok(stderr.includes(name), stderr);
      assert.equal(stderr.includes('LITELLM_MASTER_KEY'), service === 'ingress');
      assert.doesNotMatch(stderr, /^\s+at /m);
    });
  }

  for (const service of services) {
    test(`${service}: exit 1 on a database that was never migrated`, async () => {
      const { code, stdout, stderr } = await endOf(mainOf(service), [], place(await postgres.createDatabase()));
      assert.equal(code, 1);
      assert.match(`${stdout}${stderr}`, /The database is behind this program.*npm run migrate/);
    });

    test(`${service}: exit 1 on a database of a newer version`, async () => {
      const url = await postgres.createDatabase();
      await run(process.execPath, ['deploy/migrate/src/main.ts'], { cwd: root, env: { ...env, DATABASE_URL: url } });
      const client = new Client({ connectionString: url });
      await client.connect();
      await client.query(
        `insert into public.sluice_migrations (service, version, name, checksum)
         select service, 99, 'from-the-future', 'x' from public.sluice_migrations group by service`,
      );
      await client.end();
      const { code, stdout, stderr } = await endOf(mainOf(service), [], place(url));
      assert.equal(code, 1);
      assert.match(`${stdout}${stderr}`, /The database is ahead of this program: it has \w+ 0099-from-the-future/);
    });
  }
});

describe('distributed: readiness says whether a process can do its job', () => {
  let gateway: DistributedGateway;
  before(async () => {
    gateway = await openDistributedGateway();
  });
  after(() => gateway[Symbol.asyncDispose]());

  const statusOf = async (service: (typeof services)[number]) => {
    const { port } = { ingress: gateway.ingress, worker: gateway.workers[0] ?? assert.fail(), ledger: gateway.ledger }[
      service
    ];
    const response = await fetch(`http://127.0.0.1:${port}/health/readiness`);
    await response.arrayBuffer();
    return response.status;
  };
  const untilStatus = (service: (typeof services)[number], status: number) =>
    waitUntil(async () => (await statusOf(service)) === status, { what: `${service}: ${status}`, deadlineMs: 8_000 });

  for (const service of services) {
    test(`${service}: 200 when all is there`, () => untilStatus(service, 200));
  }

  for (const [server, variable, needed] of [
    ['redis', 'REDIS_URL', services],
    ['nats', 'NATS_URL', services],
    ['postgres', null, ['ingress', 'ledger']],
  ] as const) {
    const skip = variable === null ? false : notOurs(variable);
    test(`503 without ${server}, and 200 again when it is back`, { skip }, async () => {
      await gateway.servers[server].kill('SIGKILL');
      await Promise.all(needed.map((service) => untilStatus(service, 503)));
      await gateway.servers[server].start();
      await Promise.all(services.map((service) => untilStatus(service, 200)));
    });
  }

  test('after all that, requests are answered', async () => {
    const completion = await waitUntil(
      () =>
        gateway.client().chat.completions.create({ model: 'llama', messages: [{ role: 'user', content: 'Hello.' }] }),
      { what: 'an answer' },
    );
    assert.ok(completion.choices[0]?.message.content);
  });
});
