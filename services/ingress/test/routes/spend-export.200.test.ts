import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { after, before, test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { masterKey } from './open-management.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { user } from '../tenancy/entities.ts';
import { openSampleBooks, type SampleBooks } from './spend-books.ts';

let books: SampleBooks;
before(async () => {
  books = await openSampleBooks();
});
after(() => books[Symbol.asyncDispose]());

const all = 'start_date=2026-12-01&end_date=2027-02-28';
const measures = 'spend_usd,requests,failed_requests,input_tokens,cached_input_tokens,output_tokens,reasoning_tokens';

async function exported(query: string, key = masterKey) {
  const response = await fetch(`${books.url}/spend/export?${query}`, { headers: { authorization: `Bearer ${key}` } });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

test('GET /spend/export 200: CSV with a line for each group, in order, with all digits', async () => {
  const { status, headers, text } = await exported(`${all}&group_by=team,month`);
  assert.equal(status, 200);
  assert.match(headers.get('content-type') ?? '', /^text\/csv/);
  assert.match(headers.get('content-disposition') ?? '', /filename="spend-2026-12-01-2027-02-28\.csv"/);
  assert.deepEqual(text.split('\r\n'), [
    `team_id,team_alias,month,${measures}`,
    ',,2027-01,2.000000000,1,0,1,0,1,0',
    'blue,blue,2026-12,7.000000000,1,0,0,0,0,0',
    'red,"The reds",2027-01,0.250000000,2,1,3,0,1,0',
    'red,"The reds",2027-02,1.500000001,2,1,10,4,5,0',
    '',
  ]);
  assert.equal(headers.get('x-sluice-total-spend-usd'), '10.750000001');
  assert.equal(headers.get('x-sluice-total-requests'), '6');
});

test('GET /spend/export 200: a text that looks like a formula is none in CSV, and as it was in JSON', async () => {
  const { text } = await exported(`${all}&group_by=tag`);
  assert.deepEqual(text.split('\r\n').slice(1), [
    `"'=HYPERLINK(""http://x"")",1.500000001,1,0,10,4,5,0`,
    'prod,1.750000001,3,1,13,4,6,0',
    '',
  ]);
  const { text: json } = await exported(`${all}&group_by=tag&format=json`);
  assert.equal(JSON.parse(json).rows[0].tag, '=HYPERLINK("http://x")');
});

test('GET /spend/export 200: JSON with the same, and the books’ total', async () => {
  const { headers, text } = await exported(`${all}&group_by=customer&format=json`);
  assert.match(headers.get('content-type') ?? '', /^application\/json/);
  const of = (spend: string, counts: readonly number[]) => {
    const [requests, failed, input, cached, output] = counts;
    return {
      spend_usd: spend,
      requests,
      failed_requests: failed,
      input_tokens: input,
      cached_input_tokens: cached,
      output_tokens: output,
      reasoning_tokens: 0,
    };
  };
  assert.deepEqual(JSON.parse(text), {
    start_date: '2026-12-01',
    end_date: '2027-02-28',
    group_by: ['customer'],
    total: of('10.750000001', [6, 2, 14, 4, 7]),
    rows: [
      { customer: 'c1', ...of('1.750000001', [2, 0, 13, 4, 6]) },
      { customer: 'c2', ...of('7.000000000', [1, 0, 0, 0, 0]) },
    ],
  });
});

test('GET /spend/export 200: tags and customers together, in either order', async () => {
  const { headers, text } = await exported(`${all}&group_by=tag,customer`);
  assert.deepEqual(text.split('\r\n'), [
    `tag,customer,${measures}`,
    `"'=HYPERLINK(""http://x"")",c1,1.500000001,1,0,10,4,5,0`,
    'prod,c1,1.750000001,2,0,13,4,6,0',
    '',
  ]);
  assert.equal(headers.get('x-sluice-total-spend-usd'), '10.750000001');
  const { rows } = JSON.parse((await exported(`${all}&group_by=customer,team,month,tag&format=json`)).text);
  assert.deepEqual(
    rows.map((row: Record<string, unknown>) => [row['customer'], row['team_id'], row['month'], row['tag'], row['spend_usd']]), // prettier-ignore
    [
      ['c1', 'red', '2027-01', 'prod', '0.250000000'],
      ['c1', 'red', '2027-02', '=HYPERLINK("http://x")', '1.500000001'],
      ['c1', 'red', '2027-02', 'prod', '1.500000001'],
    ],
  );
});

test('GET /spend/export 400: tags and customers together of calls whose rows are gone', async () => {
  await using poor = await openSampleBooks();
  await poor.sql.query('truncate ledger.spend_rows');
  const path = '/spend/export?start_date=2027-01-01&end_date=2027-01-31&format=json&group_by=customer,tag';
  const { status, body } = await poor.get(path);
  assert.equal(status, 400, JSON.stringify(body));
  assert.match(body.error.message, /no longer all kept/);
  assert.equal((await poor.get(path.replace(',tag', ''))).status, 200);
});

test('GET /spend/export 200: nothing spent is a whole answer too', async () => {
  const period = 'start_date=2020-01-01&end_date=2020-01-31';
  assert.equal((await exported(`${period}&group_by=model`)).text, `model,${measures}\r\n`);
  const { rows, total } = JSON.parse((await exported(`${period}&group_by=model&format=json`)).text);
  assert.deepEqual([rows, total.spend_usd], [[], '0.000000000']);
});

for (const group of [
  'day',
  'month',
  'organization',
  'team',
  'user',
  'key',
  'model',
  'alias',
  'provider',
  'key,model,day',
]) {
  test(`GET /spend/export?group_by=${group} 200: the lines are the books' total`, async () => {
    const { headers, text } = await exported(`${all}&group_by=${group}&format=json`);
    const { rows, total } = JSON.parse(text);
    const sum = rows.reduce(
      (nano: bigint, row: { spend_usd: string }) => nano + BigInt(row.spend_usd.replace('.', '')),
      0n,
    );
    assert.equal(sum, 10_750_000_001n);
    assert.equal(total.spend_usd, '10.750000001');
    assert.equal(headers.get('x-sluice-total-spend-usd'), total.spend_usd);
    const again = await exported(`${all}&group_by=${group}&format=json`);
    assert.equal(again.text, text, 'the order is stable');
  });
}

const filters = [
  'organization_id=acme',
  'team_id=red',
  'user_id=ada',
  'model_group=llama&user_id=ada',
  'provider=groq',
];
const sums = ['1.750000001', '1.750000001', '1.750000001', '0.250000000', '7.000000000'];
for (const [index, filter] of filters.entries()) {
  test(`GET /spend/export?${filter} 200: lines and total of that alone`, async () => {
    const { headers, text } = await exported(`${all}&group_by=day&${filter}`);
    assert.equal(headers.get('x-sluice-total-spend-usd'), sums[index]);
    const spend = text.split('\r\n').slice(1, -1).map((line) => Number(line.split(',')[1])); // prettier-ignore
    assert.equal(spend.reduce((total, one) => total + Math.round(one * 1e9), 0), Math.round(Number(sums[index]) * 1e9)); // prettier-ignore
  });
}

test('GET /spend/export 200: a user gets what their keys spent', async () => {
  await tenancyIn(books.sql).users.insert(user('ada'));
  const key = await books.generate({ user_id: 'ada' });
  const { status, headers, text } = await exported(`${all}&group_by=key,tag`, key);
  assert.equal(status, 200);
  assert.equal(headers.get('x-sluice-total-spend-usd'), '1.750000001');
  assert.ok(text.split('\r\n').slice(1, -1).every((line) => line.startsWith(`${hashKey(books.alpha)},alpha,`))); // prettier-ignore
});

test('GET /spend/export 503: while two others run; a client that leaves ends its own', async () => {
  await using many = await openSampleBooks();
  // So many groups that no socket holds them all: an export that nobody reads stays under way.
  await many.sql.query(
    `insert into ledger.daily_usage
     select dimension, day - n / 1000, sha256(n::text::bytea), name, key_hash, repeat('u', 240) || n, team_id,
       organization_id, model, alias, provider, call_type, 1, 0, 0, 0, 0, 1, 0, 0
     from ledger.daily_usage, generate_series(1, 40000) as n where dimension = 'request' and key_hash = $1`,
    [hashKey('sk-deleted')],
  );
  const path = '/spend/export?start_date=2020-01-01&end_date=2027-02-28&group_by=day,user,key';
  const leave = new AbortController();
  const start = async () => {
    const request = get(`${many.url}${path}`, {
      headers: { authorization: `Bearer ${masterKey}` },
      signal: leave.signal,
      agent: false,
    });
    request.on('error', () => undefined);
    const [response] = await once(request, 'response');
    response.on('error', () => undefined);
    response.pause();
    return response;
  };
  await Promise.all([start(), start()]);
  const refused = await many.get('/spend/export?start_date=2027-01-01&end_date=2027-01-31&group_by=day');
  assert.equal(refused.status, 503);
  assert.equal(refused.body.error.type, 'overloaded_error');
  assert.equal(refused.headers.get('retry-after'), '5');
  leave.abort();
  await waitUntil(
    async () => {
      const response = await fetch(`${many.url}${path}`, { headers: { authorization: `Bearer ${masterKey}` } });
      const lines = (await response.text()).split('\r\n').length;
      return response.status === 200 && lines > 40_000;
    },
    { what: 'there is room for another, and it is whole' },
  );
});
