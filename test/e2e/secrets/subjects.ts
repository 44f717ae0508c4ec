import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createSimulatedIdentity } from '../../oci-simulator/identity.ts';
import { openPostgresServer } from '../../servers/postgres.ts';
import { waitUntil } from '../../servers/wait-until.ts';
import { chat } from '../ask.ts';
import { masterKey, metricsToken, openDistributedGateway, openEmbeddedGateway, type TestGateway } from '../gateway.ts';
import { echoManners } from './echo-server.ts';
import { planted, sealed, type Haystack } from './planted.ts';
import { changeRedisPassword, openWiretap } from './stores.ts';

/** Whose key it is that must not be seen. */
export const stranger = createSimulatedIdentity();
export const sealedKey = sealed(stranger.keyPem);
const crashOnSignal = pathToFileURL(path.join(import.meta.dirname, 'crash-on-signal.mjs')).href;

/** By name of what they show when they fail. Virtual keys are added as they are made. */
export const secretsOf = (virtualKeys: readonly string[]) => ({
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
export function echoes(url: string): Readonly<Record<string, Record<string, unknown>>> {
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

export interface Subject {
  readonly gateway: TestGateway;
  readonly databaseUrl: string;
  /** Where else metrics are. */
  readonly statusPorts: readonly number[];
  /** Ends each process as a bug would. */
  readonly crash: () => Promise<void>;
  /** What was said to the queue and over the bus. */
  readonly said: readonly Haystack[];
  /** Takes the servers away while it runs, one after the other. */
  readonly breakDown: () => Promise<void>;
}

/** The gateway in both modes, with planted secrets, all it prints, and a bug within reach. */
export const subjects = [
  {
    mode: 'embedded',
    async open(stack: AsyncDisposableStack, elsewhere: ReturnType<typeof echoes>): Promise<Subject> {
      const postgres = stack.use(await openPostgresServer());
      const databaseUrl = await postgres.createDatabase();
      const env = {
        DATABASE_URL: databaseUrl.replace('postgres@', `postgres:${planted.databasePassword}@`),
        NODE_OPTIONS: `--import ${crashOnSignal}`,
      };
      const gateway = stack.use(
        await openEmbeddedGateway({ elsewhere, providerEnv, env, logLevel: 'DEBUG', ownPostgres: true }),
      );
      const crash = async () => {
        gateway.child.signal('SIGUSR2');
        await gateway.child.exited;
      };
      return { gateway, databaseUrl, statusPorts: [], crash, said: [], breakDown: async () => undefined };
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
        await openDistributedGateway({
          elsewhere,
          providerEnv,
          env,
          credentials,
          logLevel: 'DEBUG',
          ownPostgres: true,
        }),
      );
      const { servers, ingress, workers, ledger, databaseUrl } = gateway;
      const wiretap = stack.use(await openWiretap({ redisUrl: servers.redis.url, natsUrl: servers.nats.url }));
      const processes = [ingress, ...workers, ledger];
      const crash = async () => {
        for (const child of processes) child.signal(child === ledger ? 'SIGHUP' : 'SIGUSR2');
        await Promise.all(processes.map(({ exited }) => exited));
      };
      const breakDown = async () => {
        await wiretap[Symbol.asyncDispose]();
        await changeRedisPassword(servers.redis.url);
        await waitUntil(() => gateway.output().includes('WRONGPASS'), { what: 'a wrong password in the log' });
        for (const server of [servers.redis, servers.nats, servers.postgres]) {
          await server.kill('SIGKILL');
          await chat(gateway, masterKey, {}, { headers: { 'x-litellm-timeout': '2' } });
          await server.start();
        }
      };
      const statusPorts = processes.map(({ port }) => port);
      return { gateway, databaseUrl, statusPorts, crash, said: wiretap.said, breakDown };
    },
  },
] as const;
