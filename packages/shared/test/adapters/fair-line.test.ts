import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tagRange } from '../../src/adapters/bullmq/places.ts';
import { FairLine } from '../../src/adapters/bullmq/fair-line.ts';
import { RequestId } from '../../src/ids.ts';
import { seededRandom } from '../seeded-random.ts';

const flows = [
  { flow: 'a', weight: 3 },
  { flow: 'b', weight: 2 },
  { flow: 'c', weight: 1 },
  { flow: 'd', weight: 0.5 },
];
const tokensMax = 1_000;

/**
 * Random arrivals in bursts, of random lengths and priorities, and one server. Over every stretch of time in which
 * two flows have jobs waiting all along, what they are served, by their weights, differs by no more than the longest
 * job of each (Goyal, Vin, Cheng, 1996, theorem 1).
 */
function largestExcess(seed: number, range: number): { excess: number; served: number; restarts: number } {
  const random = seededRandom(seed);
  const pick = (below: number) => Math.floor(random() * below);
  const line = new FairLine({ range });
  const tags = new Map<string, number>();
  const jobs = new Map<string, { flow: number; tokens: number }>();
  const work = flows.map(() => 0);
  // By pair: how far apart the two have been since both began to wait.
  const spans = new Map<string, { least: number; most: number }>();
  let excess = 0;
  let served = 0;
  let restarts = 0;
  let reached = 0;

  const head = () =>
    [...tags].reduce<[string, number] | null>((least, job) => (!least || job[1] < least[1] ? job : least), null);
  const front = () => {
    const tag = head()?.[1];
    return tag === undefined ? null : { tag, requestIds: [...tags.keys()].filter((id) => tags.get(id) === tag) };
  };

  for (let step = 0; step < 1_500; step += 1) {
    const flow = pick(flows.length);
    const burst = random() < 0.1 ? pick(20) : 0;
    for (let n = 0; n < burst; n += 1) {
      const requestId = RequestId.parse(`chatcmpl-${step}-${n}`);
      const tokens = 1 + pick(tokensMax);
      jobs.set(requestId, { flow, tokens });
      const turn = { ...(flows[flow] ?? { flow: '', weight: 1 }), lane: 'interactive', priority: pick(3) } as const;
      const request = {
        queue: 'q',
        requestId,
        turn,
        inputTokens: tokens,
        outputTokensCap: 0,
        now: step,
        expiresAt: step + 9e6,
      };
      // A move of a job that is served already finds nothing to move.
      for (const { requestId: id, tag } of line.place(request, front(), true).moves)
        if (jobs.has(id)) tags.set(id, tag);
    }
    const next = head();
    if (next) {
      // Time goes back only where the tags begin anew.
      if (next[1] < reached) restarts += 1;
      reached = next[1];
      tags.delete(next[0]);
      const job = jobs.get(next[0]);
      if (!job) throw new Error('served what never came');
      work[job.flow] = (work[job.flow] ?? 0) + job.tokens / (flows[job.flow]?.weight ?? 1);
      served += 1;
      jobs.delete(next[0]);
    }
    const waiting = new Set([...jobs.values()].map((job) => job.flow));
    for (const [i, first] of flows.entries()) {
      for (const [j, second] of flows.entries()) {
        if (i >= j) continue;
        const pair = `${i} ${j}`;
        const apart = (work[i] ?? 0) - (work[j] ?? 0);
        const span = spans.get(pair);
        if (!waiting.has(i) || !waiting.has(j)) {
          spans.delete(pair);
          continue;
        }
        const least = Math.min(span?.least ?? apart, apart);
        const most = Math.max(span?.most ?? apart, apart);
        spans.set(pair, { least, most });
        excess = Math.max(excess, most - least - (tokensMax / first.weight + tokensMax / second.weight));
      }
    }
  }
  return { excess, served, restarts };
}

for (const [why, range] of [
  ['with room for all tags', tagRange],
  ['with tags that run out again and again', 16 * 150_000],
] as const) {
  test(`fair line: two flows that wait are never further apart than a job of each, ${why}`, () => {
    for (let seed = 1; seed <= 15; seed += 1) {
      const { excess, served, restarts } = largestExcess(seed, range);
      assert.equal(restarts > 0, range < tagRange, `seed ${seed}: ${restarts} restarts`);
      assert.ok(served > 500, `seed ${seed}: only ${served} served`);
      assert.ok(excess <= 1, `seed ${seed}: ${excess} weighted tokens over the bound`);
    }
  });
}
