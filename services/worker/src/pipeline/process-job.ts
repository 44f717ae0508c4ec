import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { deploymentsOf } from '@sluice/shared/config/resolve-alias.ts';
import type { AnswerEnd, AnswerError } from '@sluice/shared/contracts/token-event.ts';
import { unbilledUsageEvent } from '@sluice/shared/contracts/unbilled-usage-event.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { deadlineExceeded, errorCatalog, GatewayError } from '@sluice/shared/errors.ts';
import type { JobDelivery } from '@sluice/shared/ports/job-queue.ts';
import type { AwaitedPart } from '@sluice/shared/ports/token-bus.ts';
import { withTimeLimit } from '@sluice/shared/time-limit.ts';
import { usageCostNanoUsd } from '@sluice/shared/prices/usage-cost.ts';
import { ceilingNanoUsd } from '@sluice/shared/prices/dearest-price.ts';
import { ProviderError } from '../providers/provider.ts';
import { createAnswerWriter } from './answer-writer.ts';
import { isOfEarlierProcess, stopReasonOf } from './job-context.ts';
import type { JobDeps, StopReason } from './job-context.ts';
import { createKeptAnswerWriter } from './kept-answer-writer.ts';
import { callNumberOf, readJournal, writeJournalLine } from './journal.ts';
import type { JournalLine, LostCall } from './journal.ts';
import { openRequest } from './open-request.ts';
import type { OpenedRequest } from './open-request.ts';
import type { CallEnd } from './relay.ts';
import { shrinkReservation, storeUsage } from './store-usage.ts';
import type { CallWatch, MadeCall, Standing } from './call-series.ts';
import { tryCalls } from './try-calls.ts';
import { placeOf } from './place-of.ts';

/** Deliveries of one job before it is answered with an error: something about it may be what kills workers. */
const attemptsMax = 5;

/** A client waits no longer for its end to be noted beside the job. */
const notingMs = 900;

/**
 * Answers one job, and closes every reservation that was made for it.
 * Usage is stored before the end is announced, also for an answer that failed or was cut off: nothing that a client
 * has seen goes unbilled, and nothing is announced that a crash could still undo.
 *
 * @param signal stops the job from outside: client gone, deadline, lock lost
 * @param watch told of its calls
 * @throws when usage could not be stored or noted, or the lock is lost: then the job must come again
 */
export async function processJob(
  delivery: JobDelivery,
  deps: JobDeps,
  signal: AbortSignal,
  watch: CallWatch | null = null,
): Promise<void> {
  const { job, attempt } = delivery;
  const startedAt = deps.now();
  const { replyTo, requestId, stream } = job;
  const bare = createAnswerWriter(deps.bus, { replyTo, requestId, attempt, stream });
  const writer = createKeptAnswerWriter(bare, job, deps);
  /** By call: what is booked for the job, by whomever. */
  const billed = new Map<string, number>();
  const store = (event: UsageEvent) => {
    billed.set(event.callId, usageCostNanoUsd(event));
    return storeUsage(event, delivery, deps);
  };
  const announce = (event: AnswerEnd | AnswerError, { mayBeBilled }: { mayBeBilled: boolean }) =>
    writer.end(withBill(event, billed), mayBeBilled);
  const book = async (event: UsageEvent) => {
    await store(event);
    await shrinkReservation(event, deps);
  };

  const standing = await standingOf(delivery, deps, book);
  // The client has been told the end, unless the worker died at that very moment.
  if (standing === 'ended') return announce(answerError(stoppedError('lock-lost')), { mayBeBilled: true });

  const stopped = stopReasonOf(signal) ?? (startedAt >= job.deadlineAt ? 'deadline' : null);
  if (stopped) return close(standing, stopped);
  if (attempt > attemptsMax) return close(standing, wornOut());
  if (attempt > 1) {
    const wanted = await wantedOf(delivery, deps);
    if (wanted === 'nothing') return close(standing, 'client-gone');
    if (wanted === 'rest') return close(standing, stoppedError('lock-lost'));
  }

  let request: OpenedRequest;
  try {
    request = await openRequest(job, deps.bodies);
  } catch (error) {
    deps.log.error({ requestId: job.requestId, err: error }, 'request could not be opened');
    return close(standing, error instanceof GatewayError ? error : new GatewayError('internal', 'Internal error.'));
  }

  const outcome = await tryCalls(
    { delivery, request, writer, standing, queueMs: Math.max(0, startedAt - job.admittedAt), watch },
    deps,
    signal,
    (end, made) => bookCut(eventOf(end, made)),
  );
  if (outcome.type === 'stopped') return close(outcome.standing, outcome.why, outcome.deployment);
  if (outcome.type === 'failed') return close(outcome.standing, outcome.error, outcome.deployment);

  const { type, stopped: stoppedBy, error } = outcome.end;
  const used = eventOf(outcome.end, outcome.made);
  await store(used);
  if (stoppedBy === 'lock-lost' || delivery.signal.aborted) throw lockLost();
  const costNanoUsd = usageCostNanoUsd(used);
  const last: AnswerEnd | AnswerError =
    type === 'completed'
      ? { type: 'answer-end', usage: used.usage, costNanoUsd }
      : answerError(error ?? stoppedError(stoppedBy ?? 'deadline'));
  await writer.keep(withBill(last, billed));
  // On its way before the end is announced: nobody who takes over may call again for a client who has the answer.
  const isNoted = await note({ type: 'ended', call: outcome.made.call, event: null });
  if (delivery.signal.aborted) throw lockLost();
  // Leaves first in the same turn: the client's next request finds its room and its slot free. Nobody waits for the
  // reply, since one that does not come changes nothing of the answer.
  const shrunk = isNoted ? shrinkReservation(used, deps) : null;
  await announce(last, { mayBeBilled: true });
  await shrunk;

  /** Ends the job with no call open under `at`; its reservation, if it stands, is given back by the event. */
  async function close(
    at: Standing,
    why: GatewayError | ProviderError | StopReason,
    deployment: Deployment | null = null,
  ): Promise<void> {
    // Another worker may have the job by now, and be making this very call.
    if (why === 'lock-lost' || delivery.signal.aborted) throw lockLost();
    const times = { call: at.call, attempt, startedAt, endedAt: deps.now() };
    const event = {
      ...unbilledUsageEvent(job, times, failureOf(why)),
      ...(deployment && placeOf(deployment, job)),
      // Of the error that the row and the client are told, which is not always that of the last deployment.
      ...(why instanceof ProviderError && { providerRequestId: why.providerRequestId }),
    };
    // A first call has a row also where its reservation ended with an earlier process.
    const unstored = at.reserved || at.call === 1 ? event : null;
    // Before it is stored: a call under a number that the books have closed would cost nothing.
    await delivery.journal(writeJournalLine({ type: 'ended', call: at.call, event: unstored }));
    // A reservation of which the reply was lost, perhaps. Nobody will call under this number any more.
    await (unstored ? book(unstored) : shrinkReservation(event, deps));
    // A call after the first is made only when an earlier one may have cost something.
    await announce(answerError(typeof why === 'string' ? stoppedError(why) : why), { mayBeBilled: at.call > 1 });
  }

  /** Of a call that another one follows. */
  async function bookCut(event: UsageEvent): Promise<void> {
    const noting = note({ type: 'usage', call: callNumberOf(event.callId), event });
    await store(event);
    if (await noting) await shrinkReservation(event, deps);
  }

  /** @returns whether whoever takes the job over will read it */
  async function note(line: JournalLine): Promise<boolean> {
    try {
      await withTimeLimit('queue', notingMs, delivery.journal(writeJournalLine(line)));
      return true;
    } catch (cause) {
      deps.log.warn({ requestId: job.requestId, type: line.type, err: cause }, 'not noted beside the job');
      return false;
    }
  }

  /** What a call used, in the provider's numbers or, where it gave none, in ours. */
  function eventOf(end: CallEnd, made: MadeCall): UsageEvent {
    const completed = end.type === 'completed';
    const event = unbilledUsageEvent(
      job,
      { call: made.call, attempt, startedAt, endedAt: deps.now() },
      completed ? null : failureOf(end.error ?? end.stopped ?? 'deadline'),
    );
    // A call that gave neither content nor counts may have generated all that it was allowed to.
    const blind = !completed && !end.meter.hasContent && end.meter.provided === null;
    const { inputTokensMax, searchUnits } = job;
    const bounds = { inputTokensMax, searchUnits, outputTokensCap: made.outputTokensCap };
    const usage = end.meter.provided ?? end.meter.estimate({ ...bounds, inputTokensEstimate: made.inputTokens });
    return Object.assign(event, placeOf(made.deployment, job), {
      outcome: completed ? 'completed' : 'cut',
      countedBy: end.meter.provided && made.mockText === undefined ? 'provider' : 'gateway',
      usage: searchUnits === undefined ? usage : { ...usage, searchUnits },
      inputCharacters: made.request.inputCharacters,
      outputCharacters: end.meter.outputCharacters,
      costCeilingNanoUsd: blind ? ceilingNanoUsd(made.deployment, bounds, job.admittedAt, job.priceFactorPpm) : null,
      ...(blind && { tokenCeiling: inputTokensMax + made.outputTokensCap }),
      providerRequestId: end.providerRequestId,
      retries: made.retries,
      firstTokenAt: end.firstTokenAt,
    } as const);
  }
}

/**
 * What a job that is taken over is still wanted for. The earlier worker may have answered without a note of it, or have
 * begun to; or the client may have left unheard. An answer that is kept for a retry is wanted all the same, unless it
 * has been kept.
 */
async function wantedOf(
  { job: { keepAnswerAs: scope, replyTo, requestId, stream }, attempt }: JobDelivery,
  { bus, idempotency }: Pick<JobDeps, 'bus' | 'idempotency'>,
): Promise<AwaitedPart> {
  if (scope !== undefined && (await idempotency.isFinished({ scope, requestId }))) return 'rest';
  if (scope !== undefined && !stream) return 'answer';
  const awaited = await bus.awaited(replyTo, requestId, attempt);
  return scope !== undefined && awaited === 'nothing' ? 'answer' : awaited;
}

/** Where the job is to go on; `ended`: there is nothing to go on with. */
async function standingOf(
  delivery: JobDelivery,
  deps: JobDeps,
  book: (event: UsageEvent) => Promise<void>,
): Promise<Standing | 'ended'> {
  const left = delivery.attempt === 1 ? { call: 1, reserved: true } : await takeOver(delivery, deps, book);
  if (left === 'ended' || !isOfEarlierProcess(delivery.job, deps)) return left;
  return { call: left.call, reserved: false };
}

/**
 * Books what earlier attempts of the job began and could not book themselves. A call of which nothing is known may
 * have cost anything up to its ceiling, and is booked at that.
 *
 * @returns where to go on; `ended`: there is nothing to go on with
 */
async function takeOver(
  delivery: JobDelivery,
  deps: JobDeps,
  book: (event: UsageEvent) => Promise<void>,
): Promise<Standing | 'ended'> {
  const { job, attempt } = delivery;
  deps.metrics.takeover(job.alias);
  const left = readJournal(await delivery.readJournal());
  for (const event of left.known) await book(event);
  for (const lost of left.lost) await book(lostEvent(lost));
  return left.ended ? 'ended' : left.next;

  function lostEvent(lost: LostCall): UsageEvent {
    const message = 'The worker that made this call died; what the call used is not known.';
    const failure = { code: 'stream_interrupted', status: 502, message };
    const event = unbilledUsageEvent(
      job,
      { call: lost.call, attempt: attempt - 1, startedAt: lost.startedAt, endedAt: deps.now() },
      failure,
    );
    const deployment = deploymentsOf(deps.config, [lost.alias]).find(({ id }) => id === lost.deploymentId);
    const { inputTokensMax, searchUnits } = job;
    const bounds = { inputTokensMax, searchUnits, outputTokensCap: lost.outputTokensCap };
    return {
      ...event,
      ...(deployment ? placeOf(deployment, job) : {}),
      outcome: 'cut',
      usage: { ...event.usage, inputTokens: job.inputTokensEstimate },
      costCeilingNanoUsd: deployment
        ? ceilingNanoUsd(deployment, bounds, job.admittedAt, job.priceFactorPpm)
        : job.reservedNanoUsd,
      tokenCeiling: inputTokensMax + lost.outputTokensCap,
    };
  }
}

/** A stop or an error as the books name it. */
function failureOf(why: GatewayError | ProviderError | StopReason): UsageEvent['error'] {
  if (why === 'client-gone')
    return { code: 'client_gone', status: 499, message: 'The client left before the answer ended.' };
  const error = typeof why === 'string' ? stoppedError(why) : why;
  const { status } = error instanceof ProviderError ? error : errorCatalog[error.code];
  return { code: error.code, status, message: error.message };
}

function stoppedError(why: StopReason): GatewayError {
  return why === 'deadline'
    ? deadlineExceeded()
    : new GatewayError('stream_interrupted', 'The answer was interrupted.');
}

function lockLost(): Error {
  return new Error('the job is no longer held by this worker');
}

function wornOut(): GatewayError {
  return new GatewayError('stream_interrupted', 'The request was given to several workers and none could finish it.');
}

/** Says what was booked where that is more than the answer says. */
function withBill<Event extends AnswerEnd | AnswerError>(event: Event, billed: ReadonlyMap<string, number>): Event {
  let billedNanoUsd = 0;
  for (const costNanoUsd of billed.values()) billedNanoUsd += costNanoUsd;
  const said = 'costNanoUsd' in event ? event.costNanoUsd : 0;
  return billedNanoUsd === said ? event : { ...event, billedNanoUsd };
}

function answerError(error: GatewayError | ProviderError): AnswerError {
  const { code, message, param, retryAfterSeconds } = error;
  const providerHeaders = error instanceof ProviderError ? { ...error.providerHeaders } : {};
  return {
    type: 'answer-error',
    code,
    message,
    param,
    retryAfterSeconds,
    ...(Object.keys(providerHeaders).length > 0 && { providerHeaders }),
  };
}
