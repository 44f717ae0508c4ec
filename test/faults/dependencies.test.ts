import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setInterval as every } from 'node:timers/promises';
import { z } from 'zod';
import { openDistributedGateway, type Dependency, type DistributedGateway } from '../e2e/gateway.ts';
import { notOurs } from '../servers/server.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { compareWithBill, spendRows } from './books.ts';
import { ask, askBooks, isWholeStream, openStream, type Seen } from './dependency-clients.ts';

/** What a slow dependency adds to everything that is sent to it. */
const slowMs = 2_000;
const faultMs = 3_000;
const askEveryMs = 200;
const booksAtATime = 2;
const runningAtATime = 5;
const streamsAtATime = 3;
/** The answer's id, which is that of its rows. */
const idOf = (answer: string) => /"id":"([^"]+)"/.exec(answer)?.[1] ?? answer;
/** The last of a stream: an error event and no `[DONE]`. */
const lostEvent = /\ndata: \{"error":\{"message":[^\n]*"code":"50[0-9]"\}\}\n\n$/;
/** A refusal, half of them; and the slowest, on a machine that does other work too. */
const refusedWithinMs = { median: 1_000, most: 2_000 };
const recoveryMsMax = 10_000;
/** Ten seconds of silence, and two in which last words may come; on a machine that does other work too. */
const lostToldWithinMs = 20_000;
/** Nobody can know of a fault before its first second is over. */
const unnoticedMs = 1_000;

type Fault = 'dead' | 'frozen' | 'slow';

interface Case {
  readonly dependency: Dependency;
  readonly fault: Fault;
  /** What requests get that come while it lasts; `late`: 200 after the fault, of those that came before it was noticed. */
  readonly asked: 'refused' | 'refused or late' | 'answered';
  /** What becomes of streams that have begun; `lost`: ended with an error event. */
  readonly streams: 'complete' | 'complete or lost';
}

const cases: readonly Case[] = [
  { dependency: 'redis', fault: 'dead', asked: 'refused', streams: 'complete or lost' },
  { dependency: 'redis', fault: 'frozen', asked: 'refused', streams: 'complete or lost' },
  { dependency: 'redis', fault: 'slow', asked: 'refused', streams: 'complete or lost' },
  { dependency: 'nats', fault: 'dead', asked: 'refused or late', streams: 'complete or lost' },
  { dependency: 'nats', fault: 'frozen', asked: 'refused or late', streams: 'complete' },
  { dependency: 'nats', fault: 'slow', asked: 'refused or late', streams: 'complete' },
  { dependency: 'postgres', fault: 'dead', asked: 'answered', streams: 'complete' },
  { dependency: 'postgres', fault: 'frozen', asked: 'answered', streams: 'complete' },
  { dependency: 'postgres', fault: 'slow', asked: 'answered', streams: 'complete' },
];

// Beside each other: who waits for a lost answer to be noticed does nothing else.
describe('dependencies that go wrong', { concurrency: true }, () => {
  describe('a dependency that is dead, frozen or slow', { concurrency: 1 }, () => {
    let gateway: DistributedGateway;
    /** Requests that were running when a fault began, and may be called for no more than once, by key. */
    const calledOnce = new Map<string, readonly string[]>();
    before(async () => {
      gateway = await openDistributedGateway({
        proxied: true,
        ownPostgres: true,
        config: {
          general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY', allow_requests_on_db_unavailable: true },
        },
      });
    });
    after(() => gateway[Symbol.asyncDispose]());

    for (const { dependency, fault, asked, streams } of cases) {
      const skip = dependency === 'postgres' ? false : notOurs(dependency === 'redis' ? 'REDIS_URL' : 'NATS_URL');
      test(
        `${dependency} ${fault}: requests are ${asked}, service returns, no money is lost`,
        { skip, timeout: 90_000 },
        async (t) => {
          const [key, ranKey, strange] = [await gateway.newKey(), await gateway.newKey(), await gateway.newKey()];
          await waitUntil(async () => (await ask(gateway, key)).status === 200, { what: 'an answer before' });
          gateway.simulator.clearBilled();
          const running = Array.from({ length: runningAtATime }, () =>
            ask(gateway, ranKey, 'Hello. #sim {"delayMs":1500}'),
          );
          const streamed = Array.from({ length: streamsAtATime }, () => openStream(gateway, ranKey));
          await waitUntil(() => gateway.simulator.callsInFlight() === runningAtATime + streamsAtATime, {
            what: 'calls at the provider',
          });
          const begun = await Promise.all(streamed); // each with its first words

          await begin(gateway, dependency, fault);
          const begunAt = performance.now();
          const whileAway: Promise<Seen>[] = [];
          const booksWhileAway: Promise<Seen>[] = [];
          const keyAlias = `made while ${dependency} was ${fault}`;
          for await (const _ of every(askEveryMs)) {
            if (performance.now() - begunAt >= faultMs) break;
            whileAway.push(ask(gateway, key));
            for (let more = 0; more < booksAtATime; more += 1) {
              const turn = booksWhileAway.length;
              booksWhileAway.push(askBooks(gateway, turn, `${keyAlias}: ${turn}`));
            }
          }
          const stranger = await ask(gateway, strange);
          const readiness = await gateway.request('/health/readiness');
          const parts: unknown = await readiness.json();
          await end(gateway, dependency, fault);
          const endedAt = performance.now();
          const isBack = async () =>
            (await ask(gateway, key)).status === 200 && (await askBooks(gateway, 1, '')).status === 200;
          await waitUntil(isBack, { what: 'answers after', deadlineMs: 30_000 });
          const recoveryMs = Math.round(performance.now() - endedAt);

          const seen = await Promise.all(whileAway);
          const bookAnswers = await Promise.all(booksWhileAway);
          const ran = await Promise.all(running);
          const ends = await Promise.all(begun.map((stream) => stream.end()));
          // A stream has shown its first words, and who has an answer before the end of the fault needs no other.
          const early = ran.filter(({ afterMs, tookMs }) => afterMs + tookMs < endedAt);
          calledOnce.set(ranKey, [...ends, ...early.map(({ text }) => text)].map(idOf));
          const refused = seen.filter(({ status }) => status === 503);
          const answered = seen.filter(({ status }) => status === 200);
          const times = refused.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
          t.diagnostic(
            `${refused.length} refused within ${times[times.length >> 1] ?? 0} to ${times.at(-1) ?? 0} ms, ${answered.length} answered; ` +
              `running ones answered after ${Math.max(...ran.map(({ tookMs }) => tookMs))} ms; back after ${recoveryMs} ms`,
          );
          assert.deepEqual(new Set(ran.map(({ status }) => status)), new Set([200]), 'requests that were running');
          const isLost = (text: string) => streams === 'complete or lost' && lostEvent.test(text);
          const broken = ends.filter((text) => !isLost(text) && !isWholeStream(text));
          assert.deepEqual(
            broken.map((text) => text.slice(-400)),
            [],
            'streams that had begun',
          );
          t.diagnostic(`${ends.filter(isLost).length} of ${ends.length} streams ended with an error event`);
          assert.equal(refused.length + answered.length, seen.length, JSON.stringify(seen));
          assert.ok(refused.every(({ retryAfter }) => Number(retryAfter) >= 1));
          assertInTime(times);
          if (asked === 'refused') assert.deepEqual(answered, []);
          if (asked === 'answered') assert.deepEqual(refused, []);
          if (asked === 'refused or late') {
            assert.ok(refused.length > 0);
            assert.ok(answered.every(({ afterMs }) => afterMs - begunAt <= unnoticedMs));
          }
          // So that load balancers send it what it can answer.
          assert.equal(readiness.status, asked === 'answered' ? 200 : 503, JSON.stringify(parts));
          // A key that nobody can look up is not let in.
          if (dependency === 'postgres') {
            assert.equal(stranger.status, 503, stranger.text);
            assert.ok(Number(stranger.retryAfter) >= 1);
            assert.ok(stranger.tookMs <= refusedWithinMs.most, `a key that is not known: ${stranger.tookMs} ms`);
          }
          const expected = dependency === 'postgres' ? 503 : 200;
          const others = bookAnswers.filter(({ status }) => status !== expected);
          assert.deepEqual(others, [], 'management and spend');
          const bookTimes = bookAnswers.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
          t.diagnostic(
            `${bookAnswers.length} questions of management and spend: ${expected} within ${bookTimes.at(-1)} ms`,
          );
          if (dependency === 'postgres') {
            assert.ok(bookAnswers.every(({ retryAfter }) => Number(retryAfter) >= 1));
            assertInTime(bookTimes);
            const made = await gateway.request(`/key/aliases?search=${encodeURIComponent(keyAlias)}`);
            const { total_count: total } = z.looseObject({ total_count: z.int() }).parse(await made.json());
            assert.equal(total, 0, 'what was refused has not happened');
          }
          assert.ok(recoveryMs <= recoveryMsMax, `back after ${recoveryMs} ms`);

          await waitUntil(
            async () => {
              const rows = [...(await spendRows(gateway, key)), ...(await spendRows(gateway, ranKey))];
              const books = compareWithBill(gateway.simulator.billed(), rows);
              assert.deepEqual([books.unbooked, books.twice, books.differing], [[], [], []]);
              return true;
            },
            { what: 'every billed call to be in the books once', deadlineMs: 20_000 },
          );
        },
      );
    }

    test(
      'what was answered while a dependency was away, or had begun to be, was called for once',
      { skip: notOurs('REDIS_URL') },
      async () => {
        // A worker may lose a job that it has answered, and whoever takes it over comes seconds later.
        await waitUntil(() => gateway.simulator.callsInFlight() === 0, { what: 'no calls at the provider' });
        for (const [key, ids] of calledOnce) {
          const rows = await spendRows(gateway, key);
          const callsOf = (id: string) => rows.filter(({ request_id }) => request_id === id).length;
          assert.deepEqual(
            Object.fromEntries(ids.map((id) => [id, callsOf(id)])),
            Object.fromEntries(ids.map((id) => [id, 1])),
          );
        }
      },
    );
  });

  test(
    'a request whose job was lost with Redis is told so, long before its deadline',
    { skip: notOurs('REDIS_URL') },
    async (t) => {
      await using gateway = await openDistributedGateway();
      const key = await gateway.newKey();
      await waitUntil(async () => (await ask(gateway, key)).status === 200, { what: 'an answer before' });
      const [worker] = gateway.workers;
      worker?.signal('SIGKILL'); // so that the job waits
      await worker?.exited;
      const waiting = ask(gateway, key);
      const isQueued = async () =>
        /sluice_queue_depth\{[^}]*alias="llama"[^}]*\} 1\b/.test(await (await gateway.request('/metrics')).text());
      await waitUntil(isQueued, { what: 'the job in the queue' });
      await gateway.servers.redis.kill('SIGKILL');
      await gateway.servers.redis.start();
      await gateway.startWorker();
      const { status, tookMs, text } = await waiting;
      t.diagnostic(`told after ${tookMs} ms`);
      assert.equal(status, 502, text);
      assert.match(text, /lost on its way/);
      assert.ok(tookMs <= lostToldWithinMs, `told after ${tookMs} ms`);
    },
  );
});

test('docs/dependency-faults.md says what these tests show', async () => {
  const file = path.resolve(import.meta.dirname, '../../docs/dependency-faults.md');
  const page = pageOf(cases);
  if (process.env['SLUICE_WRITE_DOCS']) await writeFile(file, page);
  assert.equal(await readFile(file, 'utf8'), page, 'write it again with SLUICE_WRITE_DOCS=1');
});

function assertInTime(ascendingMs: readonly number[]): void {
  const [median = 0, most = 0] = [ascendingMs[ascendingMs.length >> 1], ascendingMs.at(-1)];
  assert.ok(
    median <= refusedWithinMs.median && most <= refusedWithinMs.most,
    `refused within ${ascendingMs.join()} ms`,
  );
}

async function begin({ proxies, servers }: DistributedGateway, dependency: Dependency, fault: Fault): Promise<void> {
  if (fault === 'slow') proxies?.[dependency].setDelayMs(slowMs);
  else await servers[dependency].kill(fault === 'dead' ? 'SIGKILL' : 'SIGSTOP');
}

async function end({ proxies, servers }: DistributedGateway, dependency: Dependency, fault: Fault): Promise<void> {
  if (fault === 'slow') proxies?.[dependency].setDelayMs(0);
  else if (fault === 'dead') await servers[dependency].start();
  else await servers[dependency].kill('SIGCONT');
}

function pageOf(all: readonly Case[]): string {
  const names = { redis: 'Redis', nats: 'NATS', postgres: 'PostgreSQL' };
  const faults = { dead: 'dead (SIGKILL)', frozen: 'frozen (SIGSTOP)', slow: `slow (${slowMs / 1000} s more)` };
  const says = {
    refused: '503 with `Retry-After`, within a second',
    'refused or late': '503 with `Retry-After`, at once; those of the first second: 200 when it is back, or 503',
    answered: '200; 503 for a key that this ingress does not know',
  };
  const books = { redis: '200', nats: '200', postgres: '503 with `Retry-After`, within a second' };
  const ends = { complete: 'complete', 'complete or lost': 'end with an error event, or complete' };
  const rows = all.map(({ dependency, fault, asked, streams }) => [
    names[dependency],
    faults[fault],
    says[asked],
    books[dependency],
    '200',
    ends[streams],
    `within ${recoveryMsMax / 1000} s`,
    '0',
  ]);
  const head = [
    'Dependency',
    'Fault',
    'New requests',
    'Management, spend, files, batches',
    'Running requests',
    'Running streams',
    'Service returns',
    'Money lost',
  ];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const table = [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join(
    '\n',
  );
  return `# When a dependency is dead or slow

Written by \`test/faults/dependencies.test.ts\`, which does each of this to real servers behind real services for ${faultMs / 1000} s, asks every ${askEveryMs / 1000} s, and holds the books against the provider's bill afterwards. Nobody has to do anything for service to return.

${table}

- **Management, spend, files, batches** are asked of PostgreSQL alone, and changes with them: what was refused has not happened. A change whose commit was on its way when PostgreSQL went away is answered when its end is known, for 5 s at most, and then with \`outcome_unknown\` (504), which nobody should repeat before having looked. What PostgreSQL had been busy with for 1.5 s or more, such as a long report, keeps its own time limit.
- **Load balancers** ask \`/health/readiness\`: it is 503 while Redis or NATS is away, and while PostgreSQL is, unless \`general_settings.allow_requests_on_db_unavailable\` is true, as it was here. Without that, requests that would be answered may not be let through.
- **Running requests** had been sent to the provider when the fault began. Their answers wait for NATS, and come when it is back.
- **Running streams** had begun. NATS keeps nothing of them: what it has when it dies is gone, and a stream with a gap ends with an error event, never as if it were whole. While it is frozen or slow they stand still, and then go on. A worker holds what it runs by a lock in Redis for 3 s: when that was away for longer, a stream that still runs may end with an error event too, and a whole answer may be called for once more.
- An answer that a dependency has lost for good, such as a job that died with a Redis that keeps nothing on disk, is told to its client as an error within about 12 s, not at its deadline.
- **Money lost**: billed calls that are not in the books, or are there twice.
`;
}
