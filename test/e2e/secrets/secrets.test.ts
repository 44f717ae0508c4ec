import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { createSimulatedIdentity } from '../../oci-simulator/identity.ts';
import { openPostgresServer } from '../../servers/postgres.ts';
import { openTemporaryFolder } from '../../servers/temporary-folder.ts';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat, chatBody, post } from '../ask.ts';
import { masterKey, metricsToken, openDistributedGateway, openEmbeddedGateway, type TestGateway } from '../gateway.ts';
import { endOf } from '../run-program.ts';
import { echoManners, openEchoServer } from './echo-server.ts';
import { formsOf, leaksIn, planted, sealed, type Haystack } from './planted.ts';
import { openWiretap, rowsOf } from './stores.ts';

const stranger = createSimulatedIdentity();
const sealedKey = sealed(stranger.keyPem);
const crashOnSignal = pathToFileURL(path.join(import.meta.dirname, 'crash-on-signal.mjs')).href;

/** By name of what they show when they fail. Virtual keys are added as they are made. */
const secretsOf = (virtualKeys: readonly string[]) => ({
  ...planted,
  sealedKey,
  plainKey: stranger.keyPem,
  masterKey,
  metricsToken,
  ...Object.fromEntries(virtualKeys.map((key, index) => [`virtual key ${index}`, key])),
});

const providerEnv = {
  PLANTED_OCI_KEY: sealedKey,
  PLANTED_PASSPHRASE: planted.passphrase,
  PLANTED_OPENAI_KEY: planted.openAiKey,
  PLANTED_SK_KEY: planted.skKey,
  PLANTED_ANTHROPIC_KEY: planted.anthropicKey,
  PLANTED_AZURE_KEY: planted.azureKey,
};

/** An alias for each provider and each manner of failing. */
function echoes(url: string): Readonly<Record<string, Record<string, unknown>>> {
  const oci = {
    oci_region: stranger.region,
    oci_compartment_id: stranger.compartmentId,
    oci_tenancy: stranger.tenancy,
    oci_user: stranger.user,
    oci_fingerprint: stranger.fingerprint,
    oci_key: 'os.environ/PLANTED_OCI_KEY',
    oci_key_passphrase: 'os.environ/PLANTED_PASSPHRASE',
  };
  const of = (manner: string) => ({
    [`openai-${manner}`]: {
      model: 'openai/m',
      api_base: `${url}/${manner}/v1`,
      api_key: 'os.environ/PLANTED_OPENAI_KEY',
    },
    [`vllm-${manner}`]: {
      model: 'hosted_vllm/m',
      api_base: `${url}/${manner}/v1`,
      api_key: 'os.environ/PLANTED_SK_KEY',
    },
    [`azure-${manner}`]: { model: 'azure/m', api_base: `${url}/${manner}`, api_key: 'os.environ/PLANTED_AZURE_KEY' },
    [`claude-${manner}`]: {
      model: 'anthropic/claude-x',
      api_base: `${url}/${manner}`,
      api_key: 'os.environ/PLANTED_ANTHROPIC_KEY',
    },
    [`surface-${manner}`]: {
      model: 'oci/xai.grok-4',
      oci_api: 'openai',
      api_base: `${url}/${manner}/openai/v1`,
      ...oci,
    },
  });
  const native = { 'oci-refuses': { model: 'oci/xai.grok-4', api_base: url, ...oci } };
  return Object.assign(native, ...echoManners.map(of));
}

interface Subject {
  readonly gateway: TestGateway;
  readonly databaseUrl: string;
  /** Where else metrics are. */
  readonly statusPorts: readonly number[];
  /** Ends each process as a bug would. */
  readonly crash: () => Promise<void>;
  readonly said: readonly Haystack[];
}

const modes = [
  {
    mode: 'embedded',
    async open(stack: AsyncDisposableStack, elsewhere: ReturnType<typeof echoes>): Promise<Subject> {
      const postgres = stack.use(await openPostgresServer());
      const databaseUrl = await postgres.createDatabase();
      const env = {
        DATABASE_URL: databaseUrl.replace('postgres@', `postgres:${planted.databasePassword}@`),
        NODE_OPTIONS: `--import ${crashOnSignal}`,
      };
      const gateway = stack.use(await openEmbeddedGateway({ elsewhere, providerEnv, env, logLevel: 'DEBUG' }));
      const crash = async () => {
        gateway.child.signal('SIGUSR2');
        await gateway.child.exited;
      };
      return { gateway, databaseUrl, statusPorts: [], crash, said: [] };
    },
  },
  {
    mode: 'distributed',
    async open(stack: AsyncDisposableStack, elsewhere: ReturnType<typeof echoes>): Promise<Subject> {
      const credentials = {
        postgres: `postgres:${planted.databasePassword}`,
        redis: `default:${planted.redisPassword}`,
        nats: `sluice:${planted.natsPassword}`,
      };
      const env = { NODE_OPTIONS: `--import ${crashOnSignal}` };
      const gateway = stack.use(
        await openDistributedGateway({ elsewhere, providerEnv, env, credentials, logLevel: 'DEBUG' }),
      );
      const { servers, ingress, workers, ledger, databaseUrl } = gateway;
      const wiretap = stack.use(await openWiretap({ redisUrl: servers.redis.url, natsUrl: servers.nats.url }));
      const processes = [ingress, ...workers, ledger];
      const crash = async () => {
        for (const child of processes) child.signal(child === ledger ? 'SIGHUP' : 'SIGUSR2');
        await Promise.all(processes.map(({ exited }) => exited));
      };
      return { gateway, databaseUrl, statusPorts: processes.map(({ port }) => port), crash, said: wiretap.said };
    },
  },
] as const;

for (const { mode, open } of modes) {
  describe(`${mode}: no secret leaves the gateway`, () => {
    const stack = new AsyncDisposableStack();
    const haystacks: Haystack[] = [];
    const virtualKeys: string[] = [];
    let subject: Subject;
    let asked: () => number;
    before(async () => {
      const echo = stack.use(await openEchoServer());
      asked = echo.asked;
      subject = await open(stack, echoes(echo.url));
    });
    after(() => stack.disposeAsync());

    /** A request whose answer is searched, headers included. */
    const look = async (what: string, answer: ReturnType<typeof ask>): Promise<number> => {
      const { status, headers, text } = await answer;
      haystacks.push({ where: `answer ${status} to ${what}`, text: `${JSON.stringify([...headers])} ${text}` });
      return status;
    };
    /** In all that has come out since it was last asked. */
    const leaks = (more: readonly Haystack[] = []) =>
      leaksIn([...haystacks.splice(0), ...more], secretsOf(virtualKeys));

    test('what is looked for would be found', () => {
      const all = secretsOf(['sk-some-virtual-key']);
      for (const [name, secret] of Object.entries(all)) {
        for (const form of formsOf(secret)) {
          assert.ok(form.length >= 12, name);
          assert.ok(
            leaksIn([{ where: 'here', text: `a${form}b` }], all).some((leak) => leak.startsWith(name)),
            name,
          );
        }
      }
    });

    test('when requests succeed', async () => {
      const { gateway } = subject;
      const key = await gateway.newKey({ key_alias: 'one', metadata: { note: 'mine' } });
      virtualKeys.push(key);
      assert.equal(await look('chat', chat(gateway, key)), 200);
      assert.equal(await look('streamed chat', chat(gateway, key, { stream: true })), 200);
      assert.equal(
        await look('embedding', post(gateway, '/v1/embeddings', { model: 'embed', input: 'a' }, { key })),
        200,
      );
      for (const [route, body] of [
        ['/key/block', { key }],
        ['/key/unblock', { key }],
      ] as const) {
        assert.equal(await look(route, post(gateway, route, body)), 200);
      }
      for (const route of [
        '/v1/models',
        '/model/info',
        '/v2/model/info',
        '/model_group/info',
        '/key/list?return_full_object=true',
        '/audit',
        `/spend/logs?api_key=${key}`,
        '/global/spend/keys',
        '/global/spend/models',
        '/metrics',
        '/health/readiness',
      ]) {
        assert.equal(await look(route, ask(gateway, route)), 200, route);
      }
      for (const port of subject.statusPorts) {
        const headers = { authorization: `Bearer ${metricsToken}` };
        const page = await fetch(`http://127.0.0.1:${port}/metrics`, { headers });
        assert.equal(page.status, 200);
        haystacks.push({ where: `metrics of ${port}`, text: await page.text() });
        assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 401);
      }
      assert.deepEqual(leaks(), []);
    });

    test('when the provider repeats what it was sent, in every manner of failing', async () => {
      const { gateway } = subject;
      const key = await gateway.newKey();
      virtualKeys.push(key);
      const aliases = Object.keys(echoes('http://x'));
      const before = asked();
      const extra = { num_retries: 0, timeout: 3 }; // seconds: a throttled call waits for its turn
      const statuses = await Promise.all(
        aliases.flatMap((model) =>
          [true, false].map((stream) =>
            look(`${model}, stream ${stream}`, chat(gateway, key, { model, stream, ...extra })),
          ),
        ),
      );
      assert.ok(asked() - before >= aliases.length, 'the upstream was asked');
      assert.ok(
        statuses.some((status) => status >= 400),
        'calls failed',
      );
      assert.deepEqual(leaks(), []);
    });

    test('when clients send what is wrong', async () => {
      const { gateway } = subject;
      const [key = ''] = virtualKeys;
      const wrong = 'sk-planted-wrong-key-Vd8QoF';
      virtualKeys.push(wrong);
      assert.equal(await look('a wrong key', chat(gateway, wrong)), 401);
      assert.equal(await look('a half key', chat(gateway, key.slice(0, -1))), 401);
      assert.equal(await look('a key of somebody else', chat(gateway, planted.openAiKey)), 401);
      assert.equal(await look('an unknown model', chat(gateway, key, { model: 'none' })), 400);
      assert.equal(
        await look('no JSON', ask(gateway, '/v1/chat/completions', { method: 'POST', body: '{', key })),
        400,
      );
      assert.equal(await look('a key in the path', ask(gateway, `/nowhere?api_key=${key}`)), 404);
      assert.equal(await look("another's info", ask(gateway, `/key/info?key=${wrong}`, { key })), 403);
      assert.equal(await look('an unknown key to delete', post(gateway, '/key/delete', { keys: [wrong] })), 404);
      assert.equal(await look('a key that is taken', post(gateway, '/key/generate', { key })), 400);
      assert.equal(await look('a bad key', post(gateway, '/key/generate', { key: planted.openAiKey })), 400);
      assert.deepEqual(leaks(), []);
    });

    test('to the database, the queue or the bus', async () => {
      const { gateway, databaseUrl, said } = subject;
      await chat(gateway, virtualKeys[0] ?? '', chatBody());
      await waitUntil(async () => (await rowsOf(databaseUrl)).some(({ where }) => where.includes('spend_rows')), {
        what: 'rows in the books',
      });
      const rows = await rowsOf(databaseUrl);
      assert.ok(rows.length > 10);
      if (mode === 'distributed') assert.ok(said.length > 100);
      assert.deepEqual(leaks([...rows, ...said]), []);
    });

    test('to the output, also when a process ends by a bug', async () => {
      await subject.crash();
      const text = subject.gateway.output();
      assert.match(text, /ended by an error that nobody has caught/);
      assert.deepEqual(leaks([{ where: 'output', text }]), []);
    });
  });
}

describe('no secret is told by a start that fails', () => {
  const servers = {
    DATABASE_URL: `postgres://sluice:${planted.databasePassword}@127.0.0.1:1/x`,
    REDIS_URL: `redis://default:${planted.redisPassword}@127.0.0.1:1`,
    NATS_URL: `nats://sluice:${planted.natsPassword}@127.0.0.1:1`,
    LITELLM_MASTER_KEY: masterKey,
    SLUICE_METRICS_TOKEN: metricsToken,
    PORT: '0',
    HOST: '127.0.0.1',
  };
  const oci = {
    OCI_TENANCY: stranger.tenancy,
    OCI_USER: stranger.user,
    OCI_FINGERPRINT: stranger.fingerprint,
    OCI_COMPARTMENT_ID: stranger.compartmentId,
  };
  const all = ['ingress', 'worker', 'ledger', 'migrate'];
  const callers = ['worker', 'embedded'];
  const starts = [
    { why: 'a database that is not there', programs: all, env: {} },
    {
      why: 'a database whose address is none',
      programs: ['ledger', 'migrate'],
      env: { DATABASE_URL: `postgres://u:${planted.databasePassword}@:x/` },
    },
    {
      why: 'an address of another kind',
      programs: ['ledger', 'migrate'],
      env: { DATABASE_URL: `mysql://u:${planted.databasePassword}@h/` },
    },
    { why: 'a key without its passphrase', programs: callers, env: { ...oci, OCI_KEY: sealedKey } },
    {
      why: 'a key with another passphrase',
      programs: callers,
      env: { ...oci, OCI_KEY: sealedKey, OCI_KEY_PASSPHRASE: `${planted.passphrase}x` },
    },
    { why: 'a key where its path belongs', programs: callers, env: { ...oci, OCI_KEY_FILE: stranger.keyPem } },
    { why: 'a key that is cut off', programs: callers, env: { ...oci, OCI_KEY: stranger.keyPem.slice(0, 700) } },
    { why: 'a port that is a key', programs: ['ingress'], env: { PORT: planted.skKey } },
  ];
  const modelsOf = { model_list: [{ model_name: 'a', litellm_params: { model: 'oci/xai.grok-4' } }] };
  const folder = openTemporaryFolder('starts');
  after(async () => (await folder)[Symbol.asyncDispose]());
  for (const { why, programs, env } of starts) {
    test(why, async () => {
      const config = path.join((await folder).path, 'config.json.yaml');
      await writeFile(config, JSON.stringify(modelsOf));
      const place = { ...servers, SLUICE_CONFIG: config, ...env };
      const ends = await Promise.all(
        programs.map(async (program) => {
          const isService = ['ingress', 'worker', 'ledger'].includes(program);
          const args = program === 'embedded' ? ['--config', config, '--check-config'] : [];
          const end = await endOf(`${isService ? 'services' : 'deploy'}/${program}/src/main.ts`, args, place);
          return { where: program, code: end.code, text: end.stdout + end.stderr };
        }),
      );
      for (const { where, code, text } of ends) assert.notEqual(code, 0, `${where}: ${text}`);
      assert.deepEqual(leaksIn(ends, secretsOf([])), []);
    });
  }
});
