import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { createSimulatorClient, type SimulatorClient } from '../oci-simulator/client.ts';
import { createSimulatedIdentity, type SimulatedIdentity } from '../oci-simulator/identity.ts';
import { openChild, type Child } from '../servers/child.ts';
import { freePort } from '../servers/free-port.ts';
import { openService } from '../servers/service.ts';
import type { Service, ServiceName } from '../servers/service.ts';
import { openNatsServer } from '../servers/nats.ts';
import { openPostgresServer } from '../servers/postgres.ts';
import { openRedisServer } from '../servers/redis.ts';
import { openTemporaryFolder } from '../servers/temporary-folder.ts';
import { LoadResult, type LoadSpec } from './load-spec.ts';
import { alias, upstreamModel } from './requests.ts';

const root = path.resolve(import.meta.dirname, '../..');
const masterKey = 'sk-master-of-the-benchmark';
const host = '127.0.0.1';

/** Nano-USD per token; odd, so that every call's cost has to be rounded. In the configuration, so that it is known here. */
export const price = { inputUsdPerToken: 7.20001e-7, outputUsdPerToken: 1.00003e-6 };

/** Simulator, load generator and what both need, for one gateway after the other. */
export interface Bench extends AsyncDisposable {
  readonly identity: SimulatedIdentity;
  readonly simulator: SimulatorClient & { readonly url: string; readonly port: number; readonly pid: number };
  readonly loadPid: number;
  readonly configFile: string;
  readonly folder: string;
  /** Puts it under load and waits for the end of it. */
  load(spec: Omit<LoadSpec, 'host'>): Promise<LoadResult>;
}

/** @param settings parts of the configuration beside the models */
export async function openBench(settings: Readonly<Record<string, unknown>> = {}): Promise<Bench> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await openTemporaryFolder('bench')).path;
  const identity = createSimulatedIdentity();
  const identityFile = path.join(folder, 'identity.json');
  writeFileSync(identityFile, JSON.stringify(identity), { mode: 0o600 });
  const child = stack.use(
    await openChild({
      command: process.execPath,
      args: ['test/oci-simulator/main.ts', '--identity', identityFile],
      cwd: root,
      env: { PATH: process.env['PATH'] },
      ready: { line: /"url":"[^"]+"/ },
    }),
  );
  const url = /"url":"([^"]+)"/.exec(child.output())?.[1] ?? '';
  const configFile = path.join(folder, 'config.yaml');
  writeFileSync(configFile, stringify({ ...configOf(url, identity), ...settings }));
  const generator = await openLoadGenerator();
  stack.defer(async () => {
    const exited = once(generator, 'exit');
    generator.disconnect();
    await exited;
  });
  const owned = stack.move();
  return {
    identity,
    simulator: { ...createSimulatorClient(url), url, port: Number(new URL(url).port), pid: child.pid },
    loadPid: generator.pid ?? 0,
    configFile,
    folder,
    async load(spec) {
      const answered = once(generator, 'message');
      generator.send({ host, ...spec });
      const [result]: unknown[] = await answered;
      return LoadResult.parse(result);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openLoadGenerator(): Promise<ChildProcess> {
  const generator = fork(path.join(import.meta.dirname, 'load-generator.ts'), { cwd: root });
  generator.once('exit', (code) => {
    if (code !== 0) throw new Error(`The load generator ended with ${code}.`);
  });
  await once(generator, 'message');
  return generator;
}

function configOf(simulatorUrl: string, identity: SimulatedIdentity) {
  const params = {
    model: `oci/${upstreamModel}`,
    api_base: simulatorUrl,
    oci_region: identity.region,
    oci_tenancy: identity.tenancy,
    oci_user: identity.user,
    oci_fingerprint: identity.fingerprint,
    oci_key: 'os.environ/OCI_KEY',
    oci_compartment_id: identity.compartmentId,
    input_cost_per_token: price.inputUsdPerToken,
    output_cost_per_token: price.outputUsdPerToken,
  };
  return {
    model_list: [{ model_name: alias, litellm_params: params }],
    general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY' },
  };
}

/** A gateway under test. */
export interface Gateway extends AsyncDisposable {
  readonly port: number;
  /** A virtual key with a budget and limits, none of which it reaches. */
  readonly key: string;
  /** Its processes by name; a process counts with its children. */
  readonly pids: ReadonlyMap<string, number>;
  /** What its services have printed last. */
  output(): string;
}

export interface DistributedGateway extends Gateway {
  readonly databaseUrl: string;
  readonly services: readonly string[];
}

/**
 * @param nodeArgs for a service's process
 * @param options `from`: the checkout whose services and migrations are run; absent: this one
 */
export async function openDistributed(
  bench: Bench,
  nodeArgs: (service: string) => readonly string[] = () => [],
  options: { readonly batchRunner?: boolean; readonly from?: string } = {},
): Promise<DistributedGateway> {
  const { batchRunner = false, from = root } = options;
  await using stack = new AsyncDisposableStack();
  const postgres = stack.use(await openPostgresServer({ settings: { fsync: 'on', full_page_writes: 'on' } }));
  const redis = stack.use(await openRedisServer());
  const nats = stack.use(await openNatsServer());
  await keepQueueOnDisk(redis.url);
  const env = {
    ...environment(bench),
    DATABASE_URL: await postgres.createDatabase('sluice'),
    REDIS_URL: redis.url,
    NATS_URL: nats.url,
    SLUICE_CONFIG: bench.configFile,
    HOST: host,
  };
  await promisify(execFile)(process.execPath, ['deploy/migrate/src/main.ts'], { cwd: from, env });

  const start = async (service: ServiceName): Promise<Service> => {
    // As bootstrap starts them: with the flags that it started this process with.
    const flags = [...process.execArgv, ...nodeArgs(service)];
    return stack.use(await openService(service, { env, nodeArgs: flags, root: from, stopDeadlineMs: 30_000 }));
  };
  const [ledger, worker] = await Promise.all([start('ledger'), start('worker')]);
  const ingress = await start('ingress');
  const runner = batchRunner ? await start('batch-runner') : null;
  const services = { ingress, worker, ledger, ...(runner && { 'batch-runner': runner }) };
  const servers = { redis: redis.pid, nats: nats.pid, postgres: postgres.pid };
  const key = await newKey(ingress.port);
  const owned = stack.move();
  return {
    port: ingress.port,
    key,
    databaseUrl: env.DATABASE_URL,
    services: Object.keys(services),
    pids: new Map([
      ...Object.entries(services).map(([name, { pid }]) => [name, pid] as const),
      ...Object.entries(servers).flatMap(([name, pid]) => (pid === undefined ? [] : [[name, pid] as const])),
    ]),
    output: () =>
      Object.entries(services)
        .map(([name, child]) => `${name}:\n${lastOf(child)}`)
        .join('\n'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export async function openEmbedded(bench: Bench): Promise<Gateway> {
  const port = await freePort();
  const dataDir = path.join(bench.folder, 'embedded');
  const child = await openChild({
    command: process.execPath,
    args: ['deploy/embedded/src/main.ts', '--config', bench.configFile, '--port', String(port), '--data', dataDir],
    cwd: root,
    env: environment(bench),
    ready: { line: /Sluice is listening/ },
    readyDeadlineMs: 60_000,
    stopDeadlineMs: 30_000,
  });
  try {
    const key = await newKey(port);
    return {
      port,
      key,
      pids: new Map([['embedded', child.pid]]),
      output: () => lastOf(child),
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

/** What the key has spent, as its owner is told; nano-USD. */
export async function spentNanoUsd({ port, key }: Gateway): Promise<number> {
  const body = await management(port, `/key/info?key=${key}`);
  const spend = /"spend":([\d.e+-]+)/.exec(body)?.[1];
  return Math.round(Number(spend) * 1e9);
}

function lastOf(child: Child): string {
  return child.output().slice(-2_000);
}

function environment(bench: Bench) {
  return {
    PATH: process.env['PATH'],
    NODE_ENV: 'production',
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
    MALLOC_ARENA_MAX: process.env['MALLOC_ARENA_MAX'],
    MALLOC_TRIM_THRESHOLD_: process.env['MALLOC_TRIM_THRESHOLD_'],
    OCI_KEY: bench.identity.keyPem,
    LITELLM_MASTER_KEY: masterKey,
  };
}

/** The tests' Redis forgets; a queue in production must not. */
async function keepQueueOnDisk(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  await redis.config('SET', 'appendfsync', 'everysec');
  await redis.config('SET', 'appendonly', 'yes');
  redis.disconnect();
}

/** A virtual key with a budget and limits, none of which it reaches. */
export async function newKey(port: number, fields: { readonly team_id?: string } = {}): Promise<string> {
  const limits = { max_budget: 1_000_000, rpm_limit: 10_000_000, tpm_limit: 1_000_000_000_000 };
  const body = await management(port, '/key/generate', { ...limits, ...fields });
  const key = /"key":"(sk-[^"]+)"/.exec(body)?.[1];
  if (key === undefined) throw new Error(`no key: ${body}`);
  return key;
}

async function management(port: number, target: string, body?: unknown): Promise<string> {
  const response = await fetch(`http://${host}:${port}${target}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${target}: ${response.status} ${text}`);
  return text;
}
