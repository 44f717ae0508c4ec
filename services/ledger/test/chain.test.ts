import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { z } from 'zod';
import type { KnownBlock, MisfitKind } from '../src/chain/judge-day.ts';
import { alteredMachinery, verifyChain } from '../src/chain/verify-chain.ts';
import { bookUsage } from '../src/sql/book-usage.ts';
import { openTestDatabase } from '../../../test/servers/test-database.ts';
import { openBooks, type Books } from './open-books.ts';
import { startOfTests, usageEvent } from './usage-events.ts';

const dayMs = 86_400_000;
const [day1, day2, day3] = ['2026-11-21', '2026-11-22', '2026-11-23'];
const period = { from: '2026-11-01', to: '2026-12-01' };

/** Three days with 4, 3 and 2 blocks, of two rows each; the second day's third block is booked after the third day began. */
async function openChain(): Promise<Books> {
  const books = await openBooks();
  const days = [0, 0, 0, 0, 1, 1, 2, 1, 2];
  for (const [n, day] of days.entries()) {
    const at = startOfTests + day * dayMs;
    await bookUsage(
      books.sql,
      [2 * n, 2 * n + 1].map((m) => usageEvent(m, { admittedAt: at + m })),
    );
  }
  return books;
}

/** As an intruder with every right on the database does it. */
async function tamper(books: Books, sql: string): Promise<void> {
  await books.sql.transaction((transaction) =>
    transaction.query(`set local session_replication_role = replica; ${sql}`),
  );
}

async function verdicts(books: Books, witnesses: readonly KnownBlock[] = []) {
  return Array.fromAsync(verifyChain(books.sql, period, witnesses));
}

test('chain: books as they are booked fit together, one block for each booking and day', async () => {
  await using books = await openChain();
  await bookUsage(
    books.sql,
    [0, 1, 2].map((day) => usageEvent(50 + day, { admittedAt: startOfTests + day * dayMs })),
  );
  const found = await verdicts(books);
  assert.deepEqual(
    found.map(({ day, status, blocks, rows, misfits }) => ({ day, status, blocks, rows, misfits })),
    [
      { day: day1, status: 'whole', blocks: 5, rows: 9, misfits: 0 },
      { day: day2, status: 'whole', blocks: 4, rows: 7, misfits: 0 },
      { day: day3, status: 'whole', blocks: 3, rows: 5, misfits: 0 },
    ],
  );
  assert.deepEqual(await alteredMachinery(books.sql), []);
});

test('chain: a redelivered batch makes no block', async () => {
  await using books = await openBooks();
  await bookUsage(books.sql, [usageEvent(1)]);
  await bookUsage(books.sql, [usageEvent(1)]);
  const [day] = await verdicts(books);
  assert.deepEqual([day?.status, day?.blocks, day?.rows], ['whole', 1, 1]);
});

test('chain: ten ledgers at once leave one chain', async () => {
  await using books = await openBooks();
  const batches = Array.from({ length: 60 }, (_, n) =>
    [0, 1, 2].map((day) => usageEvent(3 * n + day, { admittedAt: startOfTests + ((n + day) % 3) * dayMs })),
  );
  const ledger = async () => {
    for (let batch = batches.pop(); batch; batch = batches.pop()) await bookUsage(books.sql, batch);
  };
  await Promise.all(Array.from({ length: 10 }, ledger));
  const found = await verdicts(books);
  assert.deepEqual(
    found.map(({ status, blocks, rows }) => [status, blocks, rows]),
    [1, 2, 3].map(() => ['whole', 60, 60]),
  );
});

interface Tampering {
  readonly what: string;
  readonly sql: string;
  /** The first misfit of the first day that has one. */
  readonly found: { readonly kind: MisfitKind; readonly day: string; readonly seq: number | null };
}

const rowsOf = (day: string, seq: number) =>
  `chain_block = (select id from ledger.chain_blocks where day = '${day}' and seq = ${seq})`;
const oneOf = (day: string, seq: number) =>
  `call_id = (select min(call_id) from ledger.spend_rows where ${rowsOf(day, seq)})`;
const blockAt = (day: string, seq: number) => `day = '${day}' and seq = ${seq}`;
/** A block's hash made to fit what it says now. */
const rehash = (day: string, seq: number) =>
  `update ledger.chain_blocks as b set hash = ledger.chain_block_hash(b) where ${blockAt(day, seq)}`;
const rehashRows = (day: string, seq: number) =>
  `update ledger.chain_blocks set rows = (select count(*) from ledger.spend_rows where ${rowsOf(day, seq)}), cost_nano_usd = (select sum(cost_nano_usd) from ledger.spend_rows where ${rowsOf(day, seq)}),
    rows_hash = (select sha256(string_agg(ledger.spend_row_digest(1::smallint, r), '' order by admitted_at, call_id))
      from ledger.spend_rows as r where ${rowsOf(day, seq)}) where ${blockAt(day, seq)}; ${rehash(day, seq)}`;
/** All links from a block to the day's end made to fit, and the head. */
const relink = (day: string, seq: number) =>
  `do $$ declare b ledger.chain_blocks; p ledger.chain_blocks; begin
     for b in select * from ledger.chain_blocks where day = '${day}' and seq >= ${seq} order by seq loop
       if p.seq is not null then update ledger.chain_blocks set previous_seq = p.seq, previous_hash = p.hash where day = b.day and seq = b.seq; end if;
       update ledger.chain_blocks as c set hash = ledger.chain_block_hash(c) where day = b.day and seq = b.seq returning * into p;
     end loop;
     update ledger.chain_heads set seq = p.seq, hash = p.hash where day = p.day; end $$`;

const tamperings: readonly Tampering[] = [
  {
    what: 'a cost lowered',
    sql: `update ledger.spend_rows set cost_nano_usd = 0 where ${oneOf(day1, 2)}`,
    found: { kind: 'row_changed', day: day1, seq: 2 },
  },
  {
    what: 'rows given to another key',
    sql: `update ledger.spend_rows set key_hash = 'k' || right(call_id, 3) where ${rowsOf(day2, 1)}`,
    found: { kind: 'row_changed', day: day2, seq: 1 },
  },
  {
    what: 'a row deleted',
    sql: `delete from ledger.spend_rows where ${oneOf(day1, 3)}`,
    found: { kind: 'row_missing', day: day1, seq: 3 },
  },
  {
    what: "all of a block's rows deleted",
    sql: `delete from ledger.spend_rows where ${rowsOf(day2, 2)}`,
    found: { kind: 'row_missing', day: day2, seq: 2 },
  },
  {
    what: 'all rows of a partition truncated',
    sql: 'truncate ledger.spend_rows',
    found: { kind: 'row_missing', day: day1, seq: 1 },
  },
  {
    what: 'a row replaced by another',
    sql: `update ledger.spend_rows set call_id = 'chatcmpl-forged00:1' where ${oneOf(day1, 4)}`,
    found: { kind: 'row_changed', day: day1, seq: 4 },
  },
  {
    what: 'a row copied into its block',
    sql: `create temp table copied on commit drop as select * from ledger.spend_rows where ${oneOf(day1, 2)};
      update copied set call_id = 'chatcmpl-forged00:1'; insert into ledger.spend_rows select * from copied`,
    found: { kind: 'row_added', day: day1, seq: 2 },
  },
  {
    what: 'a row put in without a block',
    sql: `create temp table copied on commit drop as select * from ledger.spend_rows where ${oneOf(day1, 2)};
      update copied set call_id = 'chatcmpl-forged00:1', chain_block = null; insert into ledger.spend_rows select * from copied`,
    found: { kind: 'rows_without_block', day: day1, seq: null },
  },
  {
    what: 'a row put in on a day without any',
    sql: `create temp table copied on commit drop as select * from ledger.spend_rows where ${oneOf(day1, 2)};
      update copied set call_id = 'chatcmpl-forged00:1', admitted_at = '2026-11-02Z'; insert into ledger.spend_rows select * from copied`,
    found: { kind: 'rows_without_block', day: '2026-11-02', seq: null },
  },
  {
    what: 'a row moved to another block',
    sql: `update ledger.spend_rows set ${rowsOf(day1, 3)} where ${oneOf(day1, 1)}`,
    found: { kind: 'row_missing', day: day1, seq: 1 },
  },
  {
    what: 'a row moved to another day',
    sql: `update ledger.spend_rows set admitted_at = admitted_at + interval '1 day' where ${oneOf(day1, 4)}`,
    found: { kind: 'row_missing', day: day1, seq: 4 },
  },
  {
    what: 'a block deleted',
    sql: `delete from ledger.chain_blocks where ${blockAt(day1, 2)}`,
    found: { kind: 'block_missing', day: day1, seq: 2 },
  },
  {
    what: 'a block deleted with its rows',
    sql: `delete from ledger.spend_rows where ${rowsOf(day1, 2)}; delete from ledger.chain_blocks where ${blockAt(day1, 2)}`,
    found: { kind: 'block_missing', day: day1, seq: 2 },
  },
  {
    what: 'the first block deleted with its rows',
    sql: `delete from ledger.spend_rows where ${rowsOf(day3, 1)}; delete from ledger.chain_blocks where ${blockAt(day3, 1)}`,
    found: { kind: 'block_missing', day: day3, seq: 1 },
  },
  {
    what: 'a block that says another count',
    sql: `update ledger.chain_blocks set rows = rows + 1 where ${blockAt(day1, 2)}`,
    found: { kind: 'block_changed', day: day1, seq: 2 },
  },
  {
    what: 'a row changed, and its block to fit',
    sql: `update ledger.spend_rows set cost_nano_usd = 0 where ${oneOf(day1, 2)}; ${rehashRows(day1, 2)}`,
    found: { kind: 'block_changed', day: day1, seq: 2 },
  },
  {
    what: 'the sums of a block changed, and its hash and the links after it to fit',
    sql: `update ledger.chain_blocks set cost_nano_usd = 1 where ${blockAt(day1, 2)}; ${relink(day1, 2)}`,
    found: { kind: 'block_changed', day: day1, seq: 2 },
  },
  {
    what: 'the last block cut off with its rows',
    sql: `delete from ledger.spend_rows where ${rowsOf(day3, 2)}; delete from ledger.chain_blocks where ${blockAt(day3, 2)}`,
    found: { kind: 'head_cut', day: day3, seq: 2 },
  },
  {
    what: 'the last block cut off, and the head to fit',
    sql: `delete from ledger.chain_blocks where ${blockAt(day3, 2)}; ${relink(day3, 1)}`,
    found: { kind: 'rows_without_block', day: day3, seq: null },
  },
  {
    what: 'the last block cut off with its rows, and the head to fit: the next day was made after it',
    sql: `delete from ledger.spend_rows where ${rowsOf(day1, 4)}; delete from ledger.chain_blocks where ${blockAt(day1, 4)}; ${relink(day1, 3)}`,
    found: { kind: 'head_cut', day: day1, seq: 4 },
  },
  {
    what: 'a row changed, and all to the end of the day to fit: the next day was made after it',
    sql: `update ledger.spend_rows set cost_nano_usd = 0 where ${oneOf(day1, 2)}; ${rehashRows(day1, 2)}; ${relink(day1, 2)}`,
    found: { kind: 'block_changed', day: day1, seq: 4 },
  },
  {
    what: 'a whole day removed: the next day was made after it',
    sql: `delete from ledger.spend_rows where admitted_at < '2026-11-22Z'; delete from ledger.chain_blocks where day = '${day1}'; delete from ledger.chain_heads where day = '${day1}'`,
    found: { kind: 'head_cut', day: day1, seq: 4 },
  },
  {
    what: 'the head put back',
    sql: `update ledger.chain_heads set seq = 1 where day = '${day1}'`,
    found: { kind: 'head_changed', day: day1, seq: 1 },
  },
  {
    what: 'the head deleted',
    sql: `delete from ledger.chain_heads where day = '${day2}'`,
    found: { kind: 'head_changed', day: day2, seq: 3 },
  },
  {
    what: 'a form that nobody knows',
    sql: `update ledger.chain_blocks set form = 9 where ${blockAt(day1, 2)}; ${relink(day1, 2)}`,
    found: { kind: 'row_changed', day: day1, seq: 2 },
  },
];

describe('verify finds', () => {
  for (const { what, sql, found } of tamperings) {
    test(what, async () => {
      await using books = await openChain();
      await tamper(books, sql);
      const [misfit] = (await verdicts(books)).flatMap((day) => day.misfit ?? []);
      assert.deepEqual(misfit && { kind: misfit.kind, day: misfit.day, seq: misfit.seq }, found, misfit?.detail);
    });
  }

  test('a cut that the database can hide, by a block noted down outside it', async () => {
    await using books = await openChain();
    const known = (await verdicts(books)).at(-1)?.head;
    assert.ok(known);
    await tamper(
      books,
      `delete from ledger.spend_rows where ${rowsOf(day3, 2)}; delete from ledger.chain_blocks where ${blockAt(day3, 2)}; ${relink(day3, 1)}`,
    );
    assert.deepEqual(new Set((await verdicts(books)).map(({ status }) => status)), new Set(['whole']));
    const misfit = (await verdicts(books, [known])).at(-1)?.misfit;
    assert.deepEqual([misfit?.kind, misfit?.day, misfit?.seq], ['head_cut', day3, 2]);
  });

  test('the newest day removed to the last trace, by a block noted down outside', async () => {
    await using books = await openChain();
    const known = (await verdicts(books)).at(-1)?.head;
    assert.ok(known);
    const all = ['chain_blocks', 'chain_heads'].map((table) => `delete from ledger.${table} where day = '${day3}'`);
    await tamper(books, `delete from ledger.spend_rows where admitted_at >= '${day3}Z'; ${all.join(';')}`);
    const last = (await verdicts(books, [known])).at(-1);
    assert.deepEqual([last?.day, last?.misfit?.kind], [day3, 'head_cut']);
  });

  test('functions and triggers that are not those of the migrations', async () => {
    await using books = await openBooks();
    await books.query(`create or replace function ledger.spend_row_digest(form smallint, r ledger.spend_rows)
      returns bytea language sql stable as $$ select b.rows_hash from ledger.chain_blocks as b where b.id = r.chain_block $$`);
    await books.query('alter table ledger.spend_rows disable trigger spend_rows_yield_blocks');
    assert.deepEqual(await alteredMachinery(books.sql), [
      'function ledger.spend_row_digest',
      'trigger spend_rows_yield_blocks',
    ]);
  });
});

/** The least change of a value of each type. */
const changes: Readonly<Record<string, readonly ((column: string) => string)[]>> = {
  text: [(c) => `coalesce(${c}, '') || ' '`, (c) => `case when ${c} is null then '' end`],
  bigint: [(c) => `coalesce(${c}, 0) + 1`],
  boolean: [(c) => `not ${c}`],
  jsonb: [(c) => `${c} || '{"added": null}'`],
  'timestamp with time zone': [(c) => `coalesce(${c}, 'epoch') + interval '1 microsecond'`],
  ARRAY: [(c) => `${c} || ${c}[1:1]`, (c) => `array_remove(${c}, ${c}[1])`],
};

test('verify finds the least change of any column, and nothing when it is taken back', async () => {
  await using books = await openBooks();
  await bookUsage(books.sql, [
    usageEvent(1, { accounts: ['a', 'b'].map((id) => ({ id: `key:${id}`, windowStart: 0 })) }),
  ]);
  const columns = z.array(z.object({ column_name: z.string(), data_type: z.string(), nullable: z.boolean() })).parse(
    await books.query(`select column_name, data_type, is_nullable = 'YES' as nullable from information_schema.columns
                       where table_schema = 'ledger' and table_name = 'spend_rows'`),
  );
  await books.query('create table kept as select * from ledger.spend_rows');
  const unnoticed: string[] = [];
  for (const { column_name: column, data_type: type, nullable } of columns) {
    const kinds = changes[type];
    assert.ok(kinds, `no change for a ${type}`);
    for (const change of kinds.slice(0, nullable ? undefined : type === 'text' ? 1 : undefined)) {
      await tamper(books, `update ledger.spend_rows set ${column} = ${change(column)}`);
      const { rows } = await books.sql.query('select 1 from ledger.spend_rows as r, kept as k where r::text = k::text');
      const [day] = await verdicts(books);
      if (rows.length === 0 && day?.status !== 'broken') unnoticed.push(`${column} = ${change(column)}`);
      await tamper(books, `update ledger.spend_rows set ${column} = (select ${column} from kept)`);
    }
  }
  assert.deepEqual(unnoticed, []);
  assert.deepEqual(
    (await verdicts(books)).map(({ status }) => status),
    ['whole'],
  );
});

test('a column added later leaves old blocks as they were', async () => {
  await using books = await openChain();
  await books.query('alter table ledger.spend_rows add column later text, add column number bigint not null default 7');
  await bookUsage(books.sql, [usageEvent(90)]);
  assert.deepEqual(new Set((await verdicts(books)).map(({ status }) => status)), new Set(['whole']));
});

describe('retention', () => {
  test('rows of a dropped month are said to be dropped, and their blocks are still checked', async () => {
    await using books = await openChain();
    await tamper(
      books,
      `delete from ledger.spend_rows; insert into ledger.dropped_months (month) values ('2026-11-01')`,
    );
    assert.deepEqual(new Set((await verdicts(books)).map(({ status }) => status)), new Set(['dropped']));
    await tamper(books, `update ledger.chain_blocks set rows = 1 where ${blockAt(day2, 1)}`);
    assert.deepEqual(
      (await verdicts(books)).map(({ status }) => status),
      ['dropped', 'broken', 'dropped'],
    );
  });

  test('a row that is left of a dropped month is still checked', async () => {
    await using books = await openChain();
    await tamper(
      books,
      `delete from ledger.spend_rows where not ${rowsOf(day1, 1)};
      insert into ledger.dropped_months (month) values ('2026-11-01'); update ledger.spend_rows set cost_nano_usd = 0`,
    );
    assert.equal((await verdicts(books))[0]?.misfit?.kind, 'row_changed');
  });
});

test('rows from before the chain are in a block of their day, and the chain goes on from it', async () => {
  await using database = await openTestDatabase([{ ...schemas.ledger, upTo: 5 }]);
  await using sql = await openPostgres({ url: database.url, applicationName: 'test' });
  await bookUsage(sql, [usageEvent(1), usageEvent(2), usageEvent(3, { admittedAt: startOfTests + dayMs })]);

  await migrate(sql, [schemas.ledger]);
  await bookUsage(sql, [usageEvent(4)]);
  const whole = await Array.fromAsync(verifyChain(sql, period));
  assert.deepEqual(
    whole.map(({ day, status, blocks, rows }) => [day, status, blocks, rows]),
    [
      [day1, 'whole', 2, 3],
      [day2, 'whole', 1, 1],
    ],
  );
  await sql.transaction((transaction) =>
    transaction.query(`set local session_replication_role = replica;
      update ledger.spend_rows set cost_nano_usd = 0 where chain_block is null`),
  );
  const broken = await Array.fromAsync(verifyChain(sql, period));
  assert.deepEqual(
    broken.map(({ misfit }) => misfit && [misfit.kind, misfit.seq]),
    [
      ['row_changed', 1],
      ['row_changed', 1],
    ],
  );
});
