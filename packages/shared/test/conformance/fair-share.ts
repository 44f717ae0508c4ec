import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { InferenceJob } from '../../src/contracts/inference-job.ts';
import { laneQueue } from '../../src/contracts/lane-queue.ts';
import { priorityDefault } from '../../src/contracts/turn.ts';
import type { Lane, Turn } from '../../src/contracts/turn.ts';
import { RequestId } from '../../src/ids.ts';
import type { FairShare, PlaceRequest } from '../../src/ports/fair-share.ts';
import { expectedWaitMs } from '../../src/ports/fair-share.ts';
import type { JobQueue, JobSource } from '../../src/ports/job-queue.ts';
import { sampleJob } from './sample-job.ts';

export interface FairShareParts extends AsyncDisposable {
  readonly fair: FairShare;
  readonly queue: JobQueue;
  readonly source: JobSource;
}

type Ask = Partial<Turn> & { readonly tokens?: number };

/** What every adapter promises, of a queue that jobs really wait in and are really taken from. */
export function fairShareConformance(name: string, open: (range?: number) => Promise<FairShareParts>): void {
  test(`${name} fair share: a backlog does not delay a flow that has none`, async () => {
    await using line = await openLine(open);
    for (let n = 0; n < 30; n += 1) await line.add({ flow: 'heavy', tokens: 500 });
    await line.add({ flow: 'light', tokens: 500 });
    assert.ok((await line.take(2)).some(({ flow }) => flow === 'light'));
  });

  test(`${name} fair share: what is served while all wait is shared by weight, in tokens`, async () => {
    await using line = await openLine(open);
    const flows = [
      { flow: 'a', weight: 3, tokens: 300 },
      { flow: 'b', weight: 2, tokens: 50 },
      { flow: 'c', weight: 1, tokens: 100 },
    ];
    for (const each of flows) for (let n = 0; n < 6_000 / each.tokens; n += 1) await line.add(each);
    const served = await line.take(70);
    const shares = flows.map(
      ({ flow, weight, tokens }) => (served.filter((job) => job.flow === flow).length * tokens) / weight,
    );
    // Goyal's bound: over any time in which both wait, two flows differ by one job of each at the most.
    for (const [i, first] of flows.entries()) {
      for (const [j, second] of flows.entries()) {
        const bound = first.tokens / first.weight + second.tokens / second.weight;
        assert.ok(Math.abs((shares[i] ?? 0) - (shares[j] ?? 0)) <= bound, shares.join(' '));
      }
    }
  });

  test(`${name} fair share: a flow that comes back starts at the present, without credit`, async () => {
    await using line = await openLine(open);
    await line.add({ flow: 'away' });
    for (let n = 0; n < 40; n += 1) await line.add({ flow: 'busy' });
    await line.take(20);
    for (let n = 0; n < 20; n += 1) await line.add({ flow: 'away' });
    const flows = (await line.take(20)).map(({ flow }) => flow);
    const back = flows.filter((flow) => flow === 'away').length;
    assert.ok(back >= 9 && back <= 11, flows.join(' '));
  });

  test(`${name} fair share: a priority passes the flow's own jobs and takes nothing from the others`, async () => {
    await using line = await openLine(open);
    for (let n = 0; n < 20; n += 1) {
      await line.add({ flow: 'a' });
      await line.add({ flow: 'b' });
    }
    for (let n = 0; n < 5; n += 1) await line.add({ flow: 'a', priority: 5 });
    for (let n = 0; n < 5; n += 1) await line.add({ flow: 'a', priority: 0 });
    const served = await line.take(20);
    const ofA = served.filter(({ flow }) => flow === 'a');
    assert.ok(ofA.length <= 11, `${ofA.length} of 20`);
    const priorities = ofA.map(({ priority }) => priority).slice(0, 9);
    assert.deepEqual(priorities, [0, 0, 0, 0, 0, 5, 5, 5, 5]);
    const rest = await line.take(30);
    const usual = rest.filter(({ flow, priority }) => flow === 'a' && priority === priorityDefault);
    assert.deepEqual(
      usual.map(({ n }) => n),
      usual.map(({ n }) => n).toSorted((x, y) => x - y),
      'the passed ones stay in order',
    );
  });

  test(`${name} fair share: many priorities are still one flow`, async () => {
    await using line = await openLine(open);
    for (let n = 0; n < 12; n += 1) await line.add({ flow: 'b' });
    for (let n = 0; n < 24; n += 1) await line.add({ flow: 'a', priority: 240 - 10 * n });
    const flows = (await line.take(12)).map(({ flow }) => flow);
    assert.ok(flows.filter((flow) => flow === 'b').length >= 5, flows.join(' '));
  });

  test(`${name} fair share: the lanes of an alias know nothing of each other`, async () => {
    await using line = await openLine(open);
    for (let n = 0; n < 4; n += 1) {
      await line.add({ flow: 'a', lane: 'batch' });
      await line.add({ flow: 'b', lane: 'batch', tokens: 300 });
    }
    for (let n = 0; n < 3; n += 1) await line.add({ flow: 'a' });
    assert.deepEqual(await line.outlook({ flow: 'a' }), { ahead: 3, waiting: 3, perSecond: null });
    assert.equal((await line.outlook({ flow: 'a', lane: 'batch' })).waiting, 8);
    const interactive = await line.take(3);
    assert.deepEqual(
      interactive.map(({ lane }) => lane),
      ['interactive', 'interactive', 'interactive'],
    );
    const batch = await line.take(8, 'batch');
    assert.ok(batch.every(({ lane }) => lane === 'batch'));
    assert.equal(batch.slice(0, 4).filter(({ flow }) => flow === 'a').length, 3, 'fair by tokens');
  });

  test(`${name} fair share: a job that was never placed comes last, and it comes`, async () => {
    await using line = await openLine(open);
    await line.enqueue({ flow: 'lost' });
    for (let n = 0; n < 3; n += 1) await line.add({ flow: 'a' });
    const flows = (await line.take(4)).map(({ flow }) => flow);
    assert.deepEqual(flows, ['a', 'a', 'a', 'lost']);
  });

  test(`${name} fair share: flows share what jobs really used, not what they were charged`, async () => {
    await using line = await openLine(open);
    for (let n = 0; n < 60; n += 1) {
      await line.add({ flow: 'greedy' });
      await line.add({ flow: 'modest' });
    }
    const used = { greedy: 0, modest: 0 };
    const tokensOf = (flow: string) => (flow === 'greedy' ? 400 : 100);
    for (let step = 0; step < 12; step += 1) {
      for (const job of await line.take(5)) {
        used[job.flow === 'greedy' ? 'greedy' : 'modest'] += tokensOf(job.flow);
        await line.correct(job, { inputTokens: tokensOf(job.flow) });
      }
    }
    const ratio = used.greedy / used.modest;
    assert.ok(ratio > 0.6 && ratio < 1.7, `${used.greedy} to ${used.modest}`);
  });

  test(`${name} fair share: outputs are expected to be as long as the flow's have been`, async () => {
    await using line = await openLine(open);
    const [job] = [await line.add({ flow: 'a', tokens: 10 }, { outputTokensCap: 4_000 })];
    await line.take(1);
    await line.correct(job, { inputTokens: 10, outputTokens: 45 });
    for (let n = 0; n < 10; n += 1) {
      await line.add({ flow: 'a', tokens: 10 }, { outputTokensCap: 4_000 });
      await line.add({ flow: 'b', tokens: 100 }, { outputTokensCap: 0 });
    }
    const flows = (await line.take(10)).map(({ flow }) => flow);
    const ofA = flows.filter((flow) => flow === 'a').length;
    assert.ok(ofA >= 4 && ofA <= 6, flows.join(' '));
  });

  test(`${name} fair share: what was withdrawn is not charged`, async () => {
    await using line = await openLine(open);
    for (let n = 0; n < 10; n += 1) await line.add({ flow: 'b' });
    const taken = [];
    for (let n = 0; n < 10; n += 1) taken.push(await line.add({ flow: 'a' }));
    for (const job of taken) await line.withdraw(job);
    for (let n = 0; n < 10; n += 1) await line.add({ flow: 'a' });
    const flows = (await line.take(10)).map(({ flow }) => flow);
    assert.ok(flows.filter((flow) => flow === 'a').length >= 4, flows.join(' '));
  });

  test(`${name} fair share: a job that is placed twice is charged once; one that is gone, not at all`, async () => {
    await using line = await openLine(open);
    const gone = await line.enqueue({ flow: 'a' });
    await line.take(1);
    await line.place(gone);
    const twice = await line.add({ flow: 'a' });
    await line.place(twice);
    await line.add({ flow: 'b' });
    await line.add({ flow: 'b' });
    await line.add({ flow: 'a' });
    const flows = (await line.take(4)).map(({ flow }) => flow);
    assert.deepEqual(flows.slice(0, 2).toSorted(), ['a', 'b'], flows.join(' '));
    assert.deepEqual(flows.slice(2).toSorted(), ['a', 'b'], flows.join(' '));
  });

  test(`${name} fair share: the outlook counts who goes before, and learns how fast the line moves`, async () => {
    await using line = await openLine(open);
    assert.deepEqual(await line.outlook({ flow: 'a' }), { ahead: 0, waiting: 0, perSecond: null });
    const jobs = [];
    for (let n = 0; n < 30; n += 1) jobs.push(await line.add({ flow: 'a' }));
    assert.deepEqual(await line.outlook({ flow: 'a' }), { ahead: 30, waiting: 30, perSecond: null });
    const soon = await line.outlook({ flow: 'b' });
    assert.ok(soon.ahead <= 1, 'a flow that has none waiting is among the next');
    for (let n = 0; n < 10; n += 1) {
      line.now += 250;
      const [job] = await line.take(1);
      assert.ok(job);
      await line.correct(job, { inputTokens: 100 });
    }
    const later = await line.outlook({ flow: 'a' });
    assert.equal(later.ahead, 20);
    assert.ok(Math.abs((later.perSecond ?? 0) - 4) < 0.2, `${later.perSecond} a second`);
    assert.ok(Math.abs((expectedWaitMs(later) ?? 0) - 5_000) < 300);
    const state = await line.fair.line(line.alias, Date.now() + 60_000);
    assert.equal(state.waiting, 20);
    assert.ok(state.oldestAgeMs >= 55_000 && state.oldestAgeMs < 120_000, `${state.oldestAgeMs} ms`);
  });

  test(`${name} fair share: tags that run out begin anew, and nobody is favoured by it`, async () => {
    // Room for some twenty jobs of a flow, so that it runs out again and again.
    await using line = await openLine(open, 16 * 100 * 20);
    const served: string[] = [];
    for (let n = 0; n < 8; n += 1) await line.add({ flow: 'a' });
    for (let round = 0; round < 60; round += 1) {
      await line.add({ flow: 'a' });
      await line.add({ flow: 'b', tokens: 50 });
      await line.add({ flow: 'b', tokens: 50 });
      served.push(...(await line.take(3)).map(({ flow }) => flow));
    }
    const ofB = served.slice(30).filter((flow) => flow === 'b').length;
    assert.ok(ofB >= 90 && ofB <= 110, `${ofB} of ${served.length - 30}`);
    const rest = await line.take(8);
    assert.equal(rest.length, 8, 'none is lost');
  });

  test(`${name} fair share: a line longer than the tags have room for is served to its end`, async () => {
    await using line = await openLine(open, 16 * 100 * 5);
    for (let n = 0; n < 12; n += 1) await line.add({ flow: 'a' });
    for (let n = 0; n < 4; n += 1) await line.add({ flow: 'b' });
    const flows = (await line.take(16)).map(({ flow }) => flow);
    assert.equal(flows.length, 16);
    assert.ok(flows.slice(0, 5).includes('b'), flows.join(' '));
  });
}

interface Added extends Turn {
  /** Which one it was. */
  readonly n: number;
  readonly job: InferenceJob;
  readonly request: PlaceRequest;
}

async function openLine(open: (range?: number) => Promise<FairShareParts>, range?: number) {
  const parts = await open(range);
  const alias = `alias-${randomUUID()}`;
  const added = new Map<string, Added>();

  const requestOf = ({ tokens = 100, ...turn }: Ask, changes: Partial<PlaceRequest> = {}): PlaceRequest => ({
    queue: laneQueue(alias, turn.lane ?? 'interactive'),
    requestId: RequestId.parse(`chatcmpl-${randomUUID()}`),
    turn: { flow: 'a', weight: 1, lane: 'interactive', priority: priorityDefault, ...turn },
    inputTokens: tokens,
    outputTokensCap: 0,
    now: line.now,
    expiresAt: line.now + 60_000,
    ...changes,
  });
  const line = {
    ...parts,
    alias,
    now: Date.now(),
    async enqueue(ask: Ask, changes: Partial<PlaceRequest> = {}): Promise<Added> {
      const request = requestOf(ask, changes);
      const job = sampleJob({ alias, requestId: request.requestId, turn: request.turn });
      await parts.queue.enqueue(job);
      const each = { ...request.turn, n: added.size, job, request };
      added.set(job.requestId, each);
      return each;
    },
    place: ({ request }: Added) => parts.fair.place(request),
    async add(ask: Ask, changes: Partial<PlaceRequest> = {}): Promise<Added> {
      const each = await line.enqueue(ask, changes);
      await line.place(each);
      return each;
    },
    outlook: (ask: Ask) => parts.fair.outlook(requestOf(ask)),
    correct: ({ request }: Added, used: { inputTokens: number; outputTokens?: number }) =>
      parts.fair.correct({ ...request, outputTokens: 0, ...used, outcome: 'answered', now: line.now }),
    async withdraw({ request }: Added) {
      assert.equal(await parts.queue.withdraw(request.queue, request.requestId), true);
      await parts.fair.correct({ ...request, inputTokens: 0, outputTokens: 0, outcome: 'withdrawn' });
    },
    /** Runs the next `count` jobs of a lane, one after the other. */
    async take(count: number, lane: Lane = 'interactive'): Promise<Added[]> {
      const taken: Added[] = [];
      const [enough, closing] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const consumer = await parts.source.consume([laneQueue(alias, lane)], { concurrency: 1 }, async ({ job }) => {
        const each = added.get(job.requestId);
        if (each) taken.push(each);
        if (taken.length < count) return;
        enough.resolve();
        await closing.promise;
      });
      await enough.promise;
      const closed = consumer[Symbol.asyncDispose](); // takes nothing new, and waits for the last one
      closing.resolve();
      await closed;
      return taken;
    },
    [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose](),
  };
  return line;
}
