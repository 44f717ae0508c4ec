import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { OciIdentity } from '@sluice/shared/config/gateway-config.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import OpenAI from 'openai';
import { stringify } from 'yaml';
import { createSimulatedIdentity } from '../oci-simulator/identity.ts';
import { openOciSimulator } from '../oci-simulator/simulator.ts';
import type { OciSimulator } from '../oci-simulator/simulator.ts';
import { openChild } from '../servers/child.ts';
import type { Child } from '../servers/child.ts';
import { openDelayingProxy, type DelayingProxy } from '../servers/delaying-proxy.ts';
import { freePort } from '../servers/free-port.ts';
import { openNatsServer } from '../servers/nats.ts';
import { openPostgresServer } from '../servers/postgres.ts';
import { openTestDatabase } from '../servers/test-database.ts';
import { processesIn } from '../servers/processes-in.ts';
import { openRedisServer } from '../servers/redis.ts';
import { foreignServer, type TestServer } from '../servers/server.ts';
import { openService } from '../servers/service.ts';
import type { Service, ServiceName } from '../servers/service.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { giveIdentity } from './gateway-identity.ts';

/** A whole gateway, as its users meet it: processes that were started by their commands, in front of the simulator. */
export interface TestGateway extends AsyncDisposable {
  readonly mode: 'embedded' | 'distributed';
  readonly url: string;
  readonly masterKey: string;
  readonly simulator: OciSimulator;
  /** Of its models, in the order of its configuration. */
  readonly aliases: readonly string[];
  /** The last of what its processes have printed. */
  output(): string;
  /** Its configuration file, data, home and temporary files. */
  readonly folder: string;
  /** With the master key, or with the one given. */
  client(apiKey?: string): OpenAI;
  /** A request to the gateway; the master key unless `headers` has another. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** A new virtual key with these limits. */
  newKey(fields?: Record<string, unknown>): Promise<string>;
}

export interface EmbeddedGateway extends TestGateway {
  readonly child: Child;
  /** On the same data, after it was killed. */
  startAgain(): Promise<Child>;
}

export interface DistributedGateway extends TestGateway {
  readonly mode: 'distributed';
  /** What its processes were started with: for programs that run beside them. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ingress: Service;
  readonly workers: readonly Service[];
  readonly ledger: Service;
  readonly servers: Readonly<Record<Dependency, TestServer>>;
  /** The gateway's own database, past any proxy. */
  readonly databaseUrl: string;
  /** Between the gateway and its servers, if the options ask for it. */
  readonly proxies: Readonly<Record<Dependency, DelayingProxy>> | null;
  /** @param config over the one that the others have */
  startWorker(config?: Params): Promise<Service>;
  startLedger(): Promise<Child>;
  startBatchRunner(): Promise<Service>;
  /** One more in front of the same queue and books. */
  startIngress(nodeArgs?: readonly string[]): Promise<Child & { readonly url: string }>;
}

export type Dependency = 'postgres' | 'redis' | 'nats';
type Params = Readonly<Record<string, unknown>>;

export interface GatewayOptions {
  readonly workers?: number;
  /** Distributed: with a batch runner, which only batches need. */
  readonly batchRunner?: boolean;
  /** Over the config that all tests share. */
  readonly config?: Readonly<Record<string, unknown>> & { readonly sluice_settings?: Params };
  /** Alias → `litellm_params`, of each deployment if there are several; `model_info` in them is put beside them. */
  readonly models?: Readonly<Record<string, Params | readonly Params[]>>;
  /** Of other places than the simulator's: nothing is added to them. */
  readonly elsewhere?: Readonly<Record<string, Record<string, unknown>>>;
  /** Whom the gateway calls OCI as; an instance has no key in its configuration. */
  readonly identity?: OciIdentity['type'];
  /** Alias of one more Llama → whom the gateway calls OCI as for it. */
  readonly identities?: Readonly<Record<string, OciIdentity['type']>>;
  /** Variables for every process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Variables for whoever calls the models. */
  readonly providerEnv?: Readonly<Record<string, string>>;
  /** Distributed: `user:password` for the servers. */
  readonly credentials?: Readonly<Partial<Record<Dependency, string>>>;
  readonly logLevel?: string;
  /** Distributed, with a PostgreSQL of its own: comes before the migrations, with the empty database. */
  readonly beforeMigration?: (urls: { readonly databaseUrl: string; readonly redisUrl: string }) => Promise<void>;
  /** A PostgreSQL of its own, which the test may stop. Else a database that is migrated, on the server of all files. */
  readonly ownPostgres?: boolean;
  /** Distributed: the services reach their servers through proxies that can be slow. */
  readonly proxied?: boolean;
}

const run = promisify(execFile);
export const masterKey = 'sk-master-of-the-tests';
export const metricsToken = 'metrics-token-of-the-tests';
const root = path.resolve(import.meta.dirname, '../..');
/** Of each process; more than any prints in a test. */
const outputMax = 8 * 1024 * 1024;

/** Alias → upstream model; the ones that all tests may use. */
const models: Readonly<Record<string, Params>> = {
  llama: { model: 'oci/meta.llama-3.3-70b-instruct' },
  grok: { model: 'oci/xai.grok-4' },
  'command-a': { model: 'oci/cohere.command-a-03-2025' },
  embed: { model: 'oci/cohere.embed-v4.0' },
};

export async function openEmbeddedGateway(options: GatewayOptions = {}): Promise<EmbeddedGateway> {
  await using stack = new AsyncDisposableStack(); // a start that fails leaves nothing behind
  const base = await openBase(stack, options);
  const database = options.ownPostgres === true ? {} : { DATABASE_URL: (await openShared(stack)).databaseUrl };
  const port = await freePort();
  const start = () =>
    openChild({
      command: process.execPath,
      args: [
        'deploy/embedded/src/main.ts',
        '--config',
        base.configFile,
        '--port',
        String(port),
        '--data',
        base.dataDir,
      ],
      cwd: root,
      env: { ...base.env, ...base.providerEnv, ...database, LITELLM_MASTER_KEY: masterKey },
      ready: { line: /Sluice is listening/ },
      outputMax,
      readyDeadlineMs: 60_000,
    });
  const child = stack.use(await start());
  const later = stack.use(new AsyncDisposableStack());
  let output = () => child.output();
  return {
    mode: 'embedded',
    output: () => output(),
    child,
    startAgain: async () => {
      await waitUntil(() => processesIn(base.dataDir).length === 0, { what: 'its PostgreSQL to end' });
      const next = later.use(await start());
      output = () => next.output();
      return next;
    },
    ...clientSide(`http://127.0.0.1:${port}`, base, stack.move()),
  };
}

export async function openDistributedGateway(options: GatewayOptions = {}): Promise<DistributedGateway> {
  await using stack = new AsyncDisposableStack(); // a start that fails leaves nothing behind
  const base = await openBase(stack, options);
  const { postgres, databaseUrl } = await (options.ownPostgres === true ? openOwnPostgres : openShared)(stack);
  const redis = stack.use(await openRedisServer());
  const nats = stack.use(await openNatsServer());
  const servers = { postgres, redis, nats };
  const proxies = options.proxied === true ? await openProxies(servers, stack) : null;
  const through = (url: string, name: Dependency) =>
    proxies ? url.replace(`:${servers[name].port}`, `:${proxies[name].port}`) : url;
  const as = (url: string, name: Dependency) => {
    const credentials = options.credentials?.[name];
    return credentials === undefined ? url : url.replace(/(?<=:\/\/)(?:[^@/]*@)?/, `${credentials}@`);
  };
  const env = {
    ...base.env,
    DATABASE_URL: as(through(databaseUrl, 'postgres'), 'postgres'),
    REDIS_URL: as(through(redis.url, 'redis'), 'redis'),
    NATS_URL: as(through(nats.url, 'nats'), 'nats'),
    SLUICE_CONFIG: base.configFile,
    HOST: '127.0.0.1',
  };
  // Each process gets the secrets that it needs, and no others.
  const own: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    ingress: { LITELLM_MASTER_KEY: masterKey },
    worker: base.providerEnv,
    ledger: {},
  };
  const processes = stack.use(new AsyncDisposableStack());
  const started: Child[] = [];
  const start = async (name: ServiceName, more: Params = {}, nodeArgs: readonly string[] = []): Promise<Service> => {
    const SLUICE_CONFIG = Object.keys(more).length === 0 ? base.configFile : await base.writeConfig(more);
    const itsEnv = { ...env, ...own[name], SLUICE_CONFIG };
    const service = processes.use(await openService(name, { env: itsEnv, nodeArgs, outputMax }));
    started.push(service);
    return service;
  };
  await options.beforeMigration?.({ databaseUrl, redisUrl: redis.url });
  if (options.ownPostgres === true) await run(process.execPath, ['deploy/migrate/src/main.ts'], { cwd: root, env });

  const ledger = await start('ledger');
  const workers = await Promise.all(Array.from({ length: options.workers ?? 1 }, () => start('worker')));
  const [ingress] = await Promise.all([start('ingress'), options.batchRunner === true && start('batch-runner')]);
  return {
    mode: 'distributed',
    output: () => started.map((child) => child.output()).join('\n'),
    env,
    ...clientSide(`http://127.0.0.1:${ingress.port}`, base, stack.move()),
    ingress,
    workers,
    ledger,
    servers,
    databaseUrl,
    proxies,
    startWorker: (config) => start('worker', config),
    startLedger: () => start('ledger'),
    startBatchRunner: () => start('batch-runner'),
    startIngress: async (nodeArgs) => {
      const child = await start('ingress', {}, nodeArgs);
      return Object.assign(child, { url: `http://127.0.0.1:${child.port}` });
    },
  };
}

async function openOwnPostgres(stack: AsyncDisposableStack) {
  const postgres = stack.use(await openPostgresServer());
  return { postgres, databaseUrl: await postgres.createDatabase() };
}

async function openShared(stack: AsyncDisposableStack) {
  const { url } = stack.use(await openTestDatabase([schemas.ingress, schemas.ledger]));
  return { postgres: foreignServer(url, 'A gateway whose PostgreSQL is stopped needs ownPostgres.'), databaseUrl: url };
}

async function openProxies(servers: Readonly<Record<Dependency, TestServer>>, stack: AsyncDisposableStack) {
  const open = async (name: Dependency) => stack.use(await openDelayingProxy(servers[name].port));
  return { postgres: await open('postgres'), redis: await open('redis'), nats: await open('nats') };
}

/** Both modes by name, for tests that must hold on each. */
export const gateways = [
  { mode: 'embedded', open: openEmbeddedGateway },
  { mode: 'distributed', open: openDistributedGateway },
] as const;

function entry(alias: string, { model_info = {}, ...params }: Params) {
  return { model_name: alias, litellm_params: params, model_info };
}

async function openBase(stack: AsyncDisposableStack, options: GatewayOptions) {
  const identity = createSimulatedIdentity();
  const simulator = stack.use(await openOciSimulator({ identities: [identity] }));
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-e2e-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const around = { user: identity, simulator, home: folder, stack };
  const given = await giveIdentity(options.identity ?? 'api_key', around);
  const simulated = {
    api_base: simulator.url,
    oci_region: identity.region,
    oci_compartment_id: identity.compartmentId,
  };
  const place = { ...simulated, ...given.params };
  const others = [];
  for (const [alias, type] of Object.entries(options.identities ?? {})) {
    others.push({ alias, ...(await giveIdentity(type, around)) });
  }
  const config = {
    model_list: [
      ...Object.entries({ ...models, ...options.models }).flatMap(([alias, deployments]) =>
        [deployments].flat().map((params: Params) => entry(alias, { ...place, ...params })),
      ),
      ...others.map(({ alias, params }) => entry(alias, { ...models['llama'], ...simulated, ...params })),
      ...Object.entries(options.elsewhere ?? {}).map(([alias, params]) => entry(alias, params)),
    ],
    general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY' },
    ...options.config,
    // No test but that of the delay itself has a load balancer to wait for.
    sluice_settings: { shutdown_delay_ms: 0, ...options.config?.sluice_settings },
  };
  const aliases = [...new Set(config.model_list.map(({ model_name }) => model_name))];
  let files = 0;
  const writeConfig = async (more: Params): Promise<string> => {
    const file = path.join(folder, `config-${(files += 1)}.yaml`);
    await writeFile(file, stringify({ ...config, ...more }));
    return file;
  };
  const configFile = await writeConfig({});
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    TMPDIR: folder,
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
    LITELLM_LOG: options.logLevel ?? 'INFO',
    SLUICE_METRICS_TOKEN: metricsToken,
    ...options.env,
  };
  const providerEnv = Object.assign({}, given.env, ...others.map((other) => other.env), options.providerEnv);
  const dataDir = path.join(folder, 'data');
  return { simulator, aliases, folder, configFile, writeConfig, dataDir, env, providerEnv };
}

function clientSide(
  url: string,
  { simulator, aliases, folder }: Pick<TestGateway, 'simulator' | 'aliases' | 'folder'>,
  stack: AsyncDisposableStack,
) {
  const request = (target: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${masterKey}`);
    return fetch(`${url}${target}`, { ...init, headers });
  };
  return {
    url,
    masterKey,
    simulator,
    aliases,
    folder,
    client: (apiKey = masterKey) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 }),
    request,
    async newKey(fields: Record<string, unknown> = {}) {
      const made = await request('/key/generate', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(fields),
      });
      const body: unknown = await made.json();
      if (!made.ok || typeof body !== 'object' || body === null || !('key' in body)) {
        throw new Error(`no key: ${made.status} ${JSON.stringify(body)}`);
      }
      return String(body.key);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
