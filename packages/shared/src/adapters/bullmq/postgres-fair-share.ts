import { z } from 'zod';
import { queueNameOf } from '../../contracts/subjects.ts';
import type { FairShare, PlaceRequest } from '../../ports/fair-share.ts';
import type { Sql } from '../../ports/sql.ts';
import { placedPriority, tagRange } from './places.ts';
import { chargeGraceMs } from './fair-share-units.ts';
import { FairLine } from './fair-line.ts';
import type { Head, Move } from './fair-line.ts';

/**
 * Places jobs of BullMQ's PostgreSQL backend, for a gateway that is one process: who owes what is in its memory,
 * and forgotten with it. BullMQ orders what waits by `priority`, then `seq` (its table `job`, index
 * `job_ready_idx`); a job that is placed has one priority, and its tag in `seq`.
 *
 * The steps of one queue come one after the other, and what came meanwhile is looked up and moved together.
 */
export function createPostgresFairShare(sql: Sql, { range = tagRange }: { range?: number } = {}): FairShare {
  const lines = new Map<string, FairLine>();
  const steps = new Map<string, Step[]>();
  const running = new Set<string>();

  return {
    place: (request) =>
      inTurn(
        request.queue,
        (line, { head, known }) => {
          const state = known.get(request.requestId);
          if (state === undefined) return { result: line.outlook(request, head), moves: [] };
          const placed = line.place(withGrace(request), head, state === 'waiting');
          return { result: placed.outlook, moves: placed.moves };
        },
        request.requestId,
      ),
    outlook: (request) =>
      inTurn(request.queue, (line, { head }) => ({ result: line.outlook(request, head), moves: [] })),
    correct: (correction) =>
      inTurn(correction.queue, (line, { head }) => ({ result: undefined, moves: line.correct([correction], head) })),
    line: (queue, now) => inTurn(queue, (line, { head }) => ({ result: line.line(head, now), moves: [] })),
    [Symbol.asyncDispose]: async () => {},
  };

  /** @param requestId a job whose state the step has to know */
  function inTurn<T>(
    queue: string,
    decide: (line: FairLine, now: Facts) => { result: T; moves: readonly Move[] },
    requestId: string | null = null,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const step: Step = {
      requestId,
      take: (line, facts) => {
        const { result, moves } = decide(line, facts);
        return { moves, done: () => resolve(result) };
      },
      reject,
    };
    const waiting = steps.get(queue) ?? [];
    waiting.push(step);
    steps.set(queue, waiting);
    if (!running.has(queue)) void run(queue);
    return promise;
  }

  async function run(queue: string): Promise<void> {
    running.add(queue);
    const line = lines.get(queue) ?? new FairLine({ range });
    lines.set(queue, line);
    for (;;) {
      const batch = steps.get(queue) ?? [];
      if (batch.length === 0) break;
      steps.set(queue, []);
      try {
        const asked = batch.flatMap(({ requestId }) => requestId ?? []);
        const { head, known } = await readFacts(sql, queue, asked);
        let present = head;
        const moves = new Map<string, Move>();
        const done = batch.map((step) => {
          const taken = step.take(line, { head: present, known });
          for (const move of taken.moves) {
            moves.set(move.requestId, move);
            if (known.get(move.requestId) === 'taken') continue;
            // What is placed in this turn waits for those that follow in it.
            present = earlier(present, move);
          }
          return taken.done;
        });
        await writeMoves(sql, queue, [...moves.values()]);
        for (const resolve of done) resolve();
      } catch (error) {
        for (const step of batch) step.reject(error);
      }
    }
    running.delete(queue);
    steps.delete(queue);
  }
}

interface Facts {
  /** null: nobody. */
  readonly head: Head | null;
  /** Of the jobs that were asked for; absent: gone. */
  readonly known: ReadonlyMap<string, 'waiting' | 'taken'>;
}

interface Step {
  readonly requestId: string | null;
  take(line: FairLine, facts: Facts): { moves: readonly Move[]; done: () => void };
  reject(error: unknown): void;
}

/** Before them are the numbers that BullMQ itself gives: to jobs that were taken over or given back. */
const firstSeq = 2 ** 40;

const HeadRows = z.array(z.object({ tag: z.number(), id: z.string() }));
const JobRows = z.array(z.object({ id: z.string(), waits: z.boolean() }));

async function readFacts(sql: Sql, queue: string, requestIds: readonly string[]): Promise<Facts> {
  const name = queueNameOf(queue);
  const [headRows, jobRows] = await Promise.all([
    sql.query(
      `select first.seq::float8 - $2 as tag, job.id
       from (
         select seq from bullmq.job
         where queue = $1 and state = 'waiting' and priority = $3 and seq >= $2
         order by seq limit 1
       ) as first
       join bullmq.job on job.queue = $1 and job.state = 'waiting' and job.priority = $3 and job.seq = first.seq`,
      [name, firstSeq, placedPriority],
    ),
    requestIds.length === 0
      ? { rows: [] }
      : sql.query(`select id, state = 'waiting' as waits from bullmq.job where queue = $1 and id = any($2)`, [
          name,
          requestIds,
        ]),
  ]);
  let head: Head | null = null;
  for (const { tag, id } of HeadRows.parse(headRows.rows)) head = earlier(head, { requestId: id, tag });
  const jobs = JobRows.parse(jobRows.rows);
  return { head, known: new Map(jobs.map(({ id, waits }) => [id, waits ? 'waiting' : 'taken'])) };
}

async function writeMoves(sql: Sql, queue: string, moves: readonly Move[]): Promise<void> {
  if (moves.length === 0) return;
  await sql.query(
    `update bullmq.job set priority = $4, seq = moved.seq
     from unnest($2::text[], $3::bigint[]) as moved (id, seq)
     where job.queue = $1 and job.id = moved.id`,
    [
      queueNameOf(queue),
      moves.map(({ requestId }) => requestId),
      moves.map(({ tag }) => firstSeq + tag),
      placedPriority,
    ],
  );
}

function earlier(head: Head | null, { requestId, tag }: Pick<Move, 'requestId' | 'tag'>): Head {
  if (head === null || tag < head.tag) return { tag, requestIds: [requestId] };
  return tag > head.tag ? head : { tag, requestIds: [...head.requestIds, requestId] };
}

function withGrace(request: PlaceRequest): PlaceRequest {
  return { ...request, expiresAt: request.expiresAt + chargeGraceMs };
}
