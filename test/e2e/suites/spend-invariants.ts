import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat, infoOf, post, type Reply } from '../ask.ts';
import type { TestGateway } from '../gateway.ts';
import type { SharedGateway } from './shared-gateway.ts';

const Row = z.looseObject({
  request_id: z.string(),
  spend: z.number(),
  status: z.enum(['success', 'failure']),
  model: z.string(),
  request_tags: z.array(z.string()),
  end_user: z.string(),
  team_id: z.string().nullable(),
  organization_id: z.string().nullable(),
  user: z.string(),
});
const Rows = z.array(Row);
const Page = z.object({ data: Rows, total: z.int() });
const Export = z.object({
  total: z.looseObject({ spend_usd: z.string(), requests: z.int(), failed_requests: z.int() }),
  rows: z.array(z.looseObject({ api_key: z.string(), spend_usd: z.string() })),
});
const Activity = z.object({ metadata: z.looseObject({ total_spend: z.number(), total_failed_requests: z.int() }) });

const nano = (usd: number) => Math.round(usd * 1e9);
const nanoOfText = (usd: string) => Number(usd.replace('.', ''));
const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');
const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

const tags = ['plain', 'with, comma', 'ünïcode "quoted"', '=1+1'];
const owner = { user_id: 'ada', team_id: 'team-core', organization_id: 'acme' };

/** Every endpoint about spend, as an operator's script asks it. */
function spendRoutes(): readonly (readonly [path: string, body?: object])[] {
  const dates = `start_date=${day(-1)}&end_date=${day(1)}`;
  return [
    ['/spend/logs'],
    [`/spend/logs?${dates}`],
    ['/spend/logs/v2'],
    ['/spend/logs/ui'],
    ['/spend/keys'],
    ['/spend/users'],
    [`/spend/tags?${dates}`],
    [`/spend/export?${dates}&group_by=team,model`],
    ['/spend/calculate', { model: 'llama', messages: [{ role: 'user', content: 'Hello.' }] }],
    ['/cost/estimate', { model: 'llama', input_tokens: 10, output_tokens: 10 }],
    ['/global/spend'],
    ['/global/spend/keys'],
    ['/global/spend/models'],
    ['/global/spend/teams'],
    ['/global/spend/tags'],
    ['/global/spend/all_tag_names'],
    ['/global/spend/logs'],
    ['/global/spend/provider'],
    ...['team', 'customer', 'api_key'].map((by) => [`/global/spend/report?${dates}&group_by=${by}`] as const),
    ['/global/spend/end_users', {}],
    ['/global/all_end_users'],
    ...['', '/model', '/exceptions', '/exceptions/deployment', '/cache_hits'].map(
      (part) => [`/global/activity${part}?${dates}`] as const,
    ),
    ['/provider/budgets'],
    ...['user', 'team', 'tag', 'customer', 'end_user', 'organization'].map(
      (kind) => [`/${kind}/daily/activity?${dates}`] as const,
    ),
    [`/user/daily/activity/aggregated?${dates}`],
  ];
}

export function spendInvariants({ mode, open }: SharedGateway): void {
  describe(`${mode}: what must be true of spend`, () => {
    let gateway: TestGateway;
    before(async () => {
      gateway = await open();
    });

    const json = async (path: string, key?: string): Promise<unknown> => {
      const reply = await ask(gateway, path, key === undefined ? {} : { key });
      assert.equal(reply.status, 200, reply.text);
      return JSON.parse(reply.text);
    };
    const rowsOf = async (key: string) => Rows.parse(await json(`/spend/logs?api_key=${key}`));
    const booked = (key: string, rows: number) =>
      waitUntil(async () => (await rowsOf(key)).length === rows && rowsOf(key), { what: `${rows} rows` });

    test('a burst of calls, whole, streamed and failing: every sum of them is the sum of the rows', async () => {
      const key = await gateway.newKey({ ...owner, key_alias: 'burst' });
      const kinds: readonly Record<string, unknown>[] = [
        {},
        { stream: true },
        { messages: [{ role: 'user', content: 'No. #sim {"fail":{"status":400,"message":"It says no."}}' }] },
        { model: 'nobody-has-it' },
      ];
      const origin = { user: 'customer-1', metadata: { tags } };
      const calls = Array.from({ length: 48 }, (_, n) => ({ ...origin, ...kinds[n % kinds.length] }));
      const replies = await Promise.all(calls.map((call) => chat(gateway, key, call)));
      const rows = await booked(key, calls.length);

      for (const [kind, status] of [200, 200, 400, 400].entries()) {
        assert.deepEqual(statuses(replies.filter((_, n) => n % kinds.length === kind)), [status]);
      }
      const sum = rows.reduce((total, { spend }) => total + nano(spend), 0);
      const failures = rows.filter(({ status }) => status === 'failure');
      assert.ok(sum > 0);
      assert.equal(failures.length, 24);
      assert.ok(failures.every(({ spend }) => spend === 0));
      assert.ok(rows.every(({ spend, status }) => spend > 0 === (status === 'success')));
      for (const row of rows) {
        assert.deepEqual(row.request_tags.slice(0, tags.length), tags);
        assert.deepEqual(
          [row.end_user, row.user, row.team_id, row.organization_id],
          ['customer-1', owner.user_id, owner.team_id, owner.organization_id],
        );
      }
      for (const reply of replies.filter(isWhole)) {
        const { id } = z.looseObject({ id: z.string() }).parse(JSON.parse(reply.text));
        const row = rows.find(({ request_id: of }) => of === id) ?? assert.fail(`no row of ${id}`);
        assert.equal(Number(reply.headers.get('x-litellm-response-cost')), row.spend);
      }

      const dates = `start_date=${day(-1)}&end_date=${day(1)}`;
      assert.equal(nano((await infoOf(gateway, key)).spend), sum);
      const page = Page.parse(await json(`/spend/logs/v2?${dates}&api_key=${key}&sort_order=asc&page_size=1000`));
      assert.equal(page.total, calls.length);
      assert.deepEqual(page.data, rows);

      const { total, rows: lines } = Export.parse(
        await json(`/spend/export?${dates}&group_by=key&format=json&api_key=${key}`),
      );
      assert.deepEqual(
        lines.map(({ api_key: hash, spend_usd: spend }) => [hash, nanoOfText(spend)]),
        [[hashOf(key), sum]],
      );
      assert.deepEqual([nanoOfText(total.spend_usd), total.requests, total.failed_requests], [sum, 48, 24]);
      for (const kind of ['user', 'team', 'organization', 'customer', 'tag?tags=plain', 'tag?tags=%3D1%2B1']) {
        const [of, query = ''] = kind.split('?');
        const activity = Activity.parse(await json(`/${of}/daily/activity?${dates}&api_key=${key}&${query}`));
        assert.equal(nano(activity.metadata.total_spend), sum, kind);
        assert.equal(activity.metadata.total_failed_requests, 24, kind);
      }
    });

    test('a request refused for its body, its controls or its idempotency key has a row of no cost, and nothing of its prompt', async () => {
      const key = await gateway.newKey(owner);
      const secret = 'a-prompt-that-nobody-keeps';
      const messages = [{ role: 'user', content: secret }];
      const text = (body: string) => ask(gateway, '/v1/chat/completions', { method: 'POST', key, body });
      const idempotent = (fields: object) =>
        chat(gateway, key, { messages, ...fields }, { headers: { 'idempotency-key': 'once' } });
      assert.equal((await idempotent({})).status, 200);
      await booked(key, 1);

      const refused: readonly (readonly [code: string, model: string, send: () => Promise<Reply>])[] = [
        ['invalid_request', 'llama', () => chat(gateway, key, { messages, n: 0 })],
        ['invalid_request', 'llama', () => chat(gateway, key, { messages, max_tokens: -1, stream: true })],
        ['invalid_request', 'llama', () => chat(gateway, key, { messages, metadata: [secret], user: 7 })],
        ['invalid_request', 'llama', () => chat(gateway, key, { messages, timeout: -1 })],
        ['invalid_request', '', () => chat(gateway, key, { messages, model: undefined })],
        ['invalid_request', 'x'.repeat(256), () => chat(gateway, key, { messages: 1, model: 'x'.repeat(100_000) })],
        ['unknown_model', 'x'.repeat(256), () => chat(gateway, key, { messages, model: 'x'.repeat(100_000) })],
        ['invalid_request', '', () => text(JSON.stringify([secret]))],
        ['malformed_body', '', () => text(`{"messages":"${secret}`)],
        ['malformed_body', '', () => text(secret)],
        ['body_too_large', '', () => text(secret.padEnd(5 * 1024 ** 2, secret))],
        ['idempotency_key_reused', 'llama', () => idempotent({ max_tokens: 3 })],
        ['invalid_request', 'embed', () => post(gateway, '/embeddings', { model: 'embed', input: [[1]] }, { key })],
      ];
      for (const [n, [code, model, send]] of refused.entries()) {
        const reply = await send();
        const row = (await booked(key, n + 2)).at(-1) ?? assert.fail();
        assert.deepEqual(
          {
            status: row.status,
            spend: row.spend,
            tokens: row['total_tokens'],
            team: row.team_id,
            model: row['model_group'],
            error: errorInformationOf(row),
          },
          {
            status: 'failure',
            spend: 0,
            tokens: 0,
            team: owner.team_id,
            model,
            error: { ...errorInformationOf(row), error_class: code, error_code: String(reply.status) },
          },
        );
        const asText = JSON.stringify(row);
        assert.ok(!asText.includes('a-prompt') && asText.length < 8_192, asText.slice(0, 8_192));
      }
      assert.equal((await infoOf(gateway, key)).spend, (await rowsOf(key))[0]?.spend);
    });

    test('a request refused for a key that is known has a row of no cost', async () => {
      const refused = [
        ['key_blocked', 401, { blocked: true }],
        ['key_expired', 401, { duration: '1s' }],
        ['route_not_allowed', 403, { allowed_routes: ['/v1/embeddings'] }],
      ] as const;
      for (const [code, status, fields] of refused) {
        const key = await gateway.newKey({ ...owner, ...fields });
        await waitUntil(async () => (await chat(gateway, key)).status === status, { what: code });
        const row = await waitUntil(async () => (await rowsOf(key)).findLast((one) => one.status === 'failure'), {
          what: code,
        });
        assert.deepEqual([row.spend, row.team_id, errorInformationOf(row)['error_class']], [0, owner.team_id, code]);
      }
    });

    test('each next call finds what was spent before it, its own cost included', async () => {
      const key = await gateway.newKey();
      let spent = 0;
      for (let call = 1; call <= 3; call += 1) {
        const reply = await chat(gateway, key);
        spent += nano(Number(reply.headers.get('x-litellm-response-cost')));
        assert.equal(nano(Number(reply.headers.get('x-litellm-key-spend'))), spent);
        await booked(key, call);
      }
    });

    for (const [path, body] of spendRoutes()) {
      test(`${body ? 'POST' : 'GET'} ${path.replaceAll(/\d{4}-\d\d-\d\d/g, '…')} 200 for an operator`, async () => {
        const reply = await (body ? post(gateway, path, body) : ask(gateway, path));
        assert.equal(reply.status, 200, reply.text);
        assert.ok(reply.text.length > 0);
      });
    }

    test('POST /global/spend/reset 400: the books are as they were', async () => {
      const books = await json('/global/spend');
      const reply = await post(gateway, '/global/spend/reset', {});
      assert.equal(reply.status, 400);
      assert.deepEqual(await json('/global/spend'), books);
    });

    test('the estimate of a call is what the call then costs', async () => {
      const key = await gateway.newKey();
      const reply = await chat(gateway, key);
      const answer: unknown = JSON.parse(reply.text);
      const calculated = await post(gateway, '/spend/calculate', { completion_response: answer }, { key });
      const { cost } = z.object({ cost: z.number() }).parse(JSON.parse(calculated.text));
      assert.equal(cost, Number(reply.headers.get('x-litellm-response-cost')));
    });
  });
}

function statuses(replies: readonly Reply[]): readonly number[] {
  return [...new Set(replies.map(({ status }) => status))];
}

function errorInformationOf(row: z.infer<typeof Row>) {
  return z.looseObject({ error_information: z.looseObject({}) }).parse(row['metadata']).error_information;
}

function isWhole({ status, text }: Reply): boolean {
  return status === 200 && text.startsWith('{');
}
