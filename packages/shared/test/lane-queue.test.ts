import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneOfJob, laneOfQueue, laneQueue, laneQueues, queueOfJob } from '../src/contracts/lane-queue.ts';
import type { InferenceJob } from '../src/contracts/inference-job.ts';
import { queueNameOf } from '../src/contracts/subjects.ts';
import type { Lane } from '../src/contracts/turn.ts';

const turnIn = (lane: Lane) => ({ flow: 'team:a', weight: 1, lane, priority: 128 });

const jobs: {
  job: Pick<InferenceJob, 'alias' | 'queue' | 'turn'>;
  queue: string;
  lane: Lane;
  why: string;
}[] = [
  { job: { alias: 'grok' }, queue: 'grok', lane: 'interactive', why: 'a job of an earlier release has no turn' },
  { job: { alias: 'grok', turn: turnIn('interactive') }, queue: 'grok', lane: 'interactive', why: 'its alias says' },
  {
    job: { alias: 'grok', turn: turnIn('batch') },
    queue: laneQueue('grok', 'batch'),
    lane: 'batch',
    why: 'and its lane',
  },
  {
    job: { alias: 'oci/x', queue: 'oci/*', turn: turnIn('batch') },
    queue: laneQueue('oci/*', 'batch'),
    lane: 'batch',
    why: 'what one wildcard matches is together in each lane',
  },
];

for (const { job, queue, lane, why } of jobs) {
  test(`lane queue: ${why}`, () => {
    assert.equal(queueOfJob(job), queue);
    assert.equal(laneOfJob(job), lane);
    assert.equal(laneOfQueue(queue).lane, lane);
  });
}

test('lane queue: no two are called the same, whatever aliases are called', () => {
  const names = ['grok', 'grok-batch', 'grok batch', 'grokbatch', 'batch', 'oci/*', 'grok:batch'];
  const all = laneQueues(names);
  assert.equal(new Set(all.map(queueNameOf)).size, 2 * names.length);
  assert.deepEqual(
    all.map((queue) => laneOfQueue(queue).name),
    names.flatMap((name) => [name, name]),
  );
});
