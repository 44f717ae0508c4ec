import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import { openPostgresServer } from '../servers/postgres.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { notOurs } from '../servers/server.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { openDistributedGateway } from './gateway.ts';
import type { DistributedGateway } from './gateway.ts';
import { endOf } from './run-program.ts';

const services = ['ingress', 'worker', 'ledger'] as const;
const mainOf = (service: string) => `services/${service}/src/main.ts`;

describe('distributed: services start only where they can work', () => {
  let postgres: PostgresServer;
  let newer: string;
  before(async () => {
    postgres = await openPostgresServer();
    newer = await postgres.createDatabase();
    const migrated = await endOf('deploy/migrate/src/main.ts', [], { DATABASE_URL: newer });
    assert.equal(migrated.code, 0, migrated.stderr);
    const client = new Client({ connectionString: newer });
    await client.connect();
    await client.query(
      `insert into public.sluice_migrations (service, version, name, checksum)
       select service, 99, 'from-the-future', 'x' from public.sluice_migrations group by service`,
    );
    await client.end();
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
      const { code, stdout, stderr } = await endOf(mainOf(service), [], place(newer));
      assert.equal(code, 1);
      assert.match(`${stdout}${stderr}`, /The database is ahead of this program: it has \w+ 0099-from-the-future/);
    });
  }
});

describe('distributed: readiness says whether a process can do its job', () => {
  let gateway: DistributedGateway;
  before(async () => {
    gateway = await openDistributedGateway({ ownPostgres: true });
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
    test(`${service}: 200 when all is there`, async () => {
      await untilStatus(service, 200);
    });
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
