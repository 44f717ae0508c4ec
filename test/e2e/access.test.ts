import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { waitUntil } from '../servers/wait-until.ts';
import { ask, chat } from './ask.ts';
import { masterKey, metricsToken, openDistributedGateway, type DistributedGateway } from './gateway.ts';

describe('distributed: who gets in', () => {
  let gateway: DistributedGateway;
  before(async () => {
    const config = { sluice_settings: { trusted_proxies: ['loopback'] } };
    gateway = await openDistributedGateway({ config, ownPostgres: true });
  });
  after(() => gateway[Symbol.asyncDispose]());

  const from = (address: string) => ({ 'x-forwarded-for': address });

  test('each process has the secrets that it works with, and no others', { skip: process.platform !== 'linux' }, () => {
    const environmentOf = ({ pid }: { pid: number }) => readFileSync(`/proc/${pid}/environ`, 'utf8');
    const { ingress, workers, ledger } = gateway;
    for (const calling of workers) {
      assert.match(environmentOf(calling), /PRIVATE KEY/);
      assert.ok(!environmentOf(calling).includes(masterKey));
    }
    for (const other of [ingress, ledger]) assert.doesNotMatch(environmentOf(other), /PRIVATE KEY/);
    assert.ok(!environmentOf(ledger).includes(masterKey));
  });

  test('/metrics takes the token, or on the ingress the master key, and nothing else', async () => {
    const { ingress, workers, ledger } = gateway;
    const statusOf = async (port: number, authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers });
      await response.arrayBuffer();
      return response.status;
    };
    const key = await gateway.newKey();
    for (const [{ port }, ofMaster] of [
      [ingress, 200],
      ...[...workers, ledger].map((each) => [each, 401] as const),
    ] as const) {
      assert.equal(await statusOf(port), 401);
      assert.equal(await statusOf(port, `Bearer ${metricsToken}`), 200);
      assert.equal(await statusOf(port, `Bearer ${masterKey}`), ofMaster);
      assert.equal(await statusOf(port, `Bearer ${key}`), 401);
    }
    const token = await ask(gateway, '/key/list', { key: metricsToken });
    assert.equal(token.status, 401, 'the token opens nothing else');
  });

  test('wrong tokens at /metrics are slowed down like wrong keys', async () => {
    const guesser = '192.0.2.6';
    const guess = (path: string, number: number) =>
      ask(gateway, path, { key: `sk-wrong-${path}-${number}`, headers: from(guesser) });
    const statuses = [];
    for (let number = 0; number < 60; number += 1) statuses.push((await guess('/metrics', number)).status);
    assert.ok(statuses.slice(0, 20).every((status) => status === 401));
    assert.ok(statuses.filter((status) => status === 429).length >= 10, statuses.join());
    assert.equal((await guess('/v1/models', 0)).status, 401, 'keys have tries of their own');
  });

  test('wrong keys are slowed down by address, right ones never, and the database is left alone', async () => {
    const right = await gateway.newKey();
    const guesser = '192.0.2.7';
    const guess = (number: number, address = guesser) =>
      ask(gateway, '/v1/models', { key: `sk-a-wrong-key-${number}`, headers: from(address) });

    const guesses = [];
    for (let number = 0; number < 80; number += 1) guesses.push(await guess(number));
    const refusals = guesses.filter(({ status }) => status === 429);
    assert.ok(guesses.slice(0, 20).every(({ status }) => status === 401));
    assert.ok(refusals.length >= 30, `${refusals.length} refusals`); // on a slow machine seconds pass
    const refused = refusals[0] ?? assert.fail();
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.equal(JSON.parse(refused.text).error.type, 'throttling_error');

    // The same address, with a key that works: also on routes with a body, and for keys made only now.
    assert.equal((await chat(gateway, right, {}, { headers: from(guesser) })).status, 200);
    const later = await gateway.newKey();
    assert.equal((await ask(gateway, '/v1/models', { key: later, headers: from(guesser) })).status, 200);
    assert.equal((await guess(30, '192.0.2.8')).status, 401, 'another address');
    const metrics = await ask(gateway, '/metrics', { key: metricsToken, headers: from(guesser) });
    assert.equal(metrics.status, 200, 'who reads metrics from there is not kept out');

    for (let number = 100; (await guess(number)).status !== 429; number += 1) assert.ok(number < 1_000);
    await gateway.servers.postgres.kill('SIGSTOP');
    try {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, number) => guess(2_000 + number)));
      assert.ok(answers.filter(({ status }) => status === 429).length >= 40, 'refused while the database is frozen');
    } finally {
      await gateway.servers.postgres.kill('SIGCONT');
    }
    await waitUntil(async () => (await guess(3_000, '192.0.2.9')).status === 401, { what: 'the database again' });
  });

  test('one forgotten client with a wrong key leaves its neighbours their tries', async () => {
    const neighbourhood = '198.51.100.1';
    const forgotten = { key: 'sk-the-forgotten-key', headers: from(neighbourhood) };
    for (let round = 0; round < 100; round += 1) {
      assert.ok([401, 429].includes((await ask(gateway, '/v1/models', forgotten)).status));
    }
    for (let number = 0; number < 10; number += 1) {
      const key = `sk-mistyped-${number}`;
      assert.equal((await ask(gateway, '/v1/models', { key, headers: from(neighbourhood) })).status, 401);
    }
  });

  test('changes are in the audit log with the address behind the proxy', async () => {
    const headers = { ...from('203.0.113.5'), 'content-type': 'application/json', 'litellm-changed-by': 'portal' };
    const made = await ask(gateway, '/key/generate', { method: 'POST', headers, body: '{}' });
    const { token } = JSON.parse(made.text);
    const { audit_logs: lines } = JSON.parse((await ask(gateway, `/audit?object_id=${token}`)).text);
    assert.equal(lines.length, 1);
    assert.equal(lines[0].ip_address, '203.0.113.5');
    assert.equal(lines[0].changed_by, 'portal');
    assert.equal(lines[0].request_id, made.headers.get('x-litellm-call-id'));
  });
});
