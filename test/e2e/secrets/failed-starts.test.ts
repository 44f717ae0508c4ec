import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { servicePrograms } from '../../servers/service.ts';
import { openTemporaryFolder } from '../../servers/temporary-folder.ts';
import { masterKey, metricsToken } from '../gateway.ts';
import { endOf } from '../run-program.ts';
import { leaksIn, planted } from './planted.ts';
import { sealedKey, secretsOf, stranger } from './subjects.ts';

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
  const all = ['ingress', 'worker', 'ledger', 'batch-runner', 'migrate'];
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
          const args = program === 'embedded' ? ['--config', config, '--check-config'] : [];
          const file = new Map<string, string>(Object.entries(servicePrograms)).get(program);
          const end = await endOf(file ?? `deploy/${program}/src/main.ts`, args, place);
          return { where: program, code: end.code, text: end.stdout + end.stderr };
        }),
      );
      for (const { where, code, text } of ends) assert.notEqual(code, 0, `${where}: ${text}`);
      assert.deepEqual(leaksIn(ends, secretsOf([])), []);
    });
  }
});
