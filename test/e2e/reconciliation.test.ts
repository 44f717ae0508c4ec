import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { assertDocumented } from '../../services/ingress/test/openapi/assert-documented.ts';
import { notOurs } from '../servers/server.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { metricsToken, openDistributedGateway, openEmbeddedGateway } from './gateway.ts';
import type { DistributedGateway, TestGateway } from './gateway.ts';
import { endOf } from './run-program.ts';

const Findings = z.array(z.object({ check: z.string(), level: z.enum(['off', 'note']), message: z.string() }));
const Report = z.strictObject({
  start_date: z.iso.date(),
  end_date: z.iso.date(),
  reconciled: z.boolean().nullable(),
  days_not_checked: z.array(z.iso.date()),
  standing: z
    .strictObject({
      checked_at: z.iso.datetime(),
      accounts_compared: z.int().nullable(),
      usage_backlog: z.int().nullable(),
      findings: Findings,
    })
    .nullable(),
  days: z.array(
    z.strictObject({
      day: z.iso.date(),
      checked_at: z.iso.datetime(),
      admissions: z.record(z.string(), z.int()).nullable(),
      rows: z.int(),
      refusals: z.int(),
      spend: z.number(),
      chain: z.looseObject({ status: z.enum(['whole', 'dropped', 'broken']), blocks: z.int() }).nullable(),
      findings: Findings,
    }),
  ),
});

const config = { sluice_settings: { reconcile_interval_ms: 200 } };

async function reportOf(gateway: TestGateway, query = '') {
  const response = await gateway.request(`/spend/reconciliation${query}`);
  assert.equal(response.status, 200, await response.clone().text());
  const body: unknown = await response.json();
  assertDocumented({ method: 'GET', path: '/spend/reconciliation' }, { status: 200, body });
  return Report.parse(body);
}

async function ask(gateway: TestGateway, key: string): Promise<void> {
  const messages = [{ role: 'user' as const, content: 'Hello.' }];
  await gateway.client(key).chat.completions.create({ model: 'llama', max_tokens: 20, messages });
}

let distributed: DistributedGateway;
before(async () => {
  distributed = await openDistributedGateway({ config });
});
after(() => distributed[Symbol.asyncDispose]());

for (const mode of ['embedded', 'distributed'] as const) {
  test(`${mode}: GET /spend/reconciliation 200: what was asked is booked, and all agrees`, async () => {
    await using own = mode === 'embedded' ? await openEmbeddedGateway({ config }) : null;
    const gateway = own ?? distributed;
    const key = await gateway.newKey({ max_budget: 10 });
    const poor = await gateway.newKey({ max_budget: 0 });
    for (let n = 0; n < 3; n += 1) await ask(gateway, key);
    await assert.rejects(ask(gateway, poor), { status: 429 });
    const report = await waitUntil(
      async () => {
        const now = await reportOf(gateway);
        const rows = now.days.reduce((sum, one) => sum + one.rows, 0);
        assert.equal(rows, 4);
        assert.ok(now.days.every(({ chain }) => chain?.status === 'whole'));
        assert.ok((now.standing?.accounts_compared ?? 0) > 0, 'the accounts have been looked at');
        return now;
      },
      { what: 'a look at the rows', deadlineMs: 40_000 },
    );
    const [today] = report.days;
    assert.equal(report.reconciled, true, JSON.stringify(report));
    assert.equal(today?.refusals, 1);
    assert.ok(today.spend > 0);
    assert.deepEqual(today.admissions, { admitted: 3, booked: 3, voided: 0, expired: 0, open: 0, lost: 0 });

    const none = await reportOf(gateway, '?start_date=2020-01-01&end_date=2020-01-02');
    assert.deepEqual([none.start_date, none.end_date, none.days], ['2020-01-01', '2020-01-02', []]);
    const refused = [
      ['?start_date=2026-01-02&end_date=2026-01-01', 400],
      ['?start_date=2020-01-01&end_date=2026-01-01', 400],
      ['?start_date=yesterday', 422],
    ] as const;
    for (const [query, status] of refused) {
      const answer = await gateway.request(`/spend/reconciliation${query}`);
      assert.equal(answer.status, status, await answer.text());
    }
    const other = await gateway.request('/spend/reconciliation', { headers: { authorization: `Bearer ${key}` } });
    assert.equal(other.status, 403);
  });
}

describe('a lost Redis', { skip: notOurs('REDIS_URL') }, () => {
  test('no budget is overspent, and the reconciliation says what was lost', { timeout: 120_000 }, async () => {
    const gateway = distributed;
    const bookedCalls = async () => (await reportOf(gateway)).days[0]?.admissions?.['booked'];
    const earlier = (await bookedCalls()) ?? 0; // of the test before
    const key = await gateway.newKey({ max_budget: 10 });
    for (let n = 0; n < 3; n += 1) await ask(gateway, key);
    await waitUntil(async () => (await bookedCalls()) === earlier + 3, {
      what: 'the admissions counted',
      deadlineMs: 40_000,
    });
    await gateway.servers.redis.kill('SIGKILL');
    await gateway.servers.redis.start();
    await waitUntil(async () => (await ask(gateway, key)) ?? true, { what: 'service again', deadlineMs: 20_000 });
    const report = await waitUntil(
      async () => {
        const now = await reportOf(gateway);
        assert.equal(now.days[0]?.admissions?.['booked'], earlier + 4);
        return now;
      },
      { what: 'both lives of the counters', deadlineMs: 60_000 },
    );
    assert.equal(report.reconciled, false);
    assert.deepEqual(
      report.days[0]?.findings.map(({ check, level }) => [check, level]),
      [['witness', 'off']],
    );

    const headers = { authorization: `Bearer ${metricsToken}` };
    const metrics = await (await fetch(`http://127.0.0.1:${gateway.ledger.port}/metrics`, { headers })).text();
    assert.match(metrics, /sluice_ledger_reconciliation_findings\{[^}]*check="witness"[^}]*\} 1/);
    const { code, stdout } = await endOf('deploy/reconcile/src/main.ts', ['reconcile', '--verify'], gateway.env);
    assert.equal(code, 1, stdout);
    const calls = earlier + 4;
    assert.match(
      stdout,
      new RegExp(`\\b${calls} admitted = ${calls} booked .*\\n\\s+OFF\\s+witness: admission's counters were lost`),
    );
    const verified = await endOf('deploy/reconcile/src/main.ts', ['verify'], gateway.env);
    assert.equal(verified.code, 0, verified.stderr);
    assert.match(verified.stdout, /The chain fits\./);
  });
});

describe('the console command', () => {
  const cases = [
    { args: ['reconcile', '--from', 'today'], code: 2, says: /--from: not a day/ },
    { args: ['reconcile', '--to', '2026-02-30'], code: 2, says: /--to: not a day/ },
    { args: ['verify', '--repair'], code: 2, says: /belong to reconcile/ },
    { args: ['verify', '--expect', '2026-01-01:1:abc'], code: 2, says: /--expect: not DAY:SEQ:HASH/ },
    { args: ['verify', '--frm', '2026-01-01'], code: 2, says: /Unknown option '--frm'[^]*usage:/ },
    { args: ['verify'], code: 2, says: /DATABASE_URL is not set/ },
  ];
  for (const { args, code, says } of cases) {
    test(`exit ${code}: ${args.join(' ')}`, async () => {
      const ended = await endOf('deploy/reconcile/src/main.ts', args);
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, says);
    });
  }
});
