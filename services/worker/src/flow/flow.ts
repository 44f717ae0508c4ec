import type { Deployment, GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { laneQueue, laneQueues } from '@sluice/shared/contracts/lane-queue.ts';
import { Lane } from '@sluice/shared/contracts/turn.ts';
import type { Admission } from '@sluice/shared/ports/admission.ts';
import { startLimit } from './adaptive-limit.ts';
import type { CallOutcome } from './adaptive-limit.ts';
import { createCeilings } from './ceilings.ts';
import type { CeilingAnswer, CeilingsDeps } from './ceilings.ts';
import { createGate } from './gate.ts';
import type { Gate } from './gate.ts';
import { deploymentsByQueue, queueConcurrency } from './queue-concurrency.ts';

/**
 * When each call may be made: no more at a time than the provider takes, and than the operator allows. Whoever cannot
 * call now waits here, as long as it makes sense; most wait in the queue, whose concurrency follows from this.
 */
export interface Flow extends Disposable {
  /** Nobody of this lane has to wait there. */
  hasRoom(deployment: Deployment, lane: Lane): boolean;
  /** It has no room, and the provider or a ceiling has said so: it is not just that we begin with few calls. */
  isThrottled(deployment: Deployment, lane: Lane): boolean;
  /** Of these, the ones to choose from now: with room; else where a turn will come; else what opens first. */
  preferred(deployments: readonly Deployment[], lane: Lane): readonly Deployment[];
  /** Waits for the turn of a call. @throws when admission, which counts the ceilings, does not answer */
  enter(deployment: Deployment, call: CallToEnter, signal: AbortSignal): Promise<FlowAnswer>;
  /** Jobs that a lane's queue should be worked on with at a time. */
  concurrencyOf(queue: string): number;
  /** Calls `listener` whenever that has changed. One listener. */
  onConcurrency(listener: (queue: string, concurrency: number) => void): void;
  /** For metrics. */
  states(): readonly FlowState[];
}

export interface CallToEnter {
  readonly lane: Lane;
  /** For tokens per minute. */
  readonly tokensEstimate: number;
  /** Since when it waits for an answer, epoch ms. */
  readonly since: number;
  /** Epoch ms. */
  readonly deadlineAt: number;
  /** A deployment that is closed for longer is not waited for: there is something else to try. */
  readonly patienceMs?: number | undefined;
  /** Whether another deployment has room now: whoever waits here then goes there. */
  readonly hasRoomElsewhere?: (() => boolean) | undefined;
}

export type FlowAnswer =
  /** Disposed of without a `leave`, it counts as a call that failed. */
  | { readonly type: 'entered'; readonly permit: Permit }
  /** There was no turn in time. `retryAfterSeconds`: when there may be one. */
  | { readonly type: 'too-late'; readonly retryAfterSeconds: number }
  /** It would have to wait, and another deployment has room. */
  | { readonly type: 'room-elsewhere' }
  | { readonly type: 'stopped' };

/** A call's place, to be left when the call has ended, however it ended; only the first time counts. */
export interface Permit extends Disposable {
  /** @param tokens that it used, null: not known */
  leave(outcome: CallOutcome, tokens: number | null): void;
}

export interface FlowState {
  readonly deployment: Pick<Deployment, 'id' | 'alias' | 'model'>;
  readonly limit: number;
  readonly lanes: Readonly<Record<Lane, { readonly inFlight: number; readonly waiting: number }>>;
}

export interface FlowDeps {
  readonly config: GatewayConfig;
  readonly admission: Admission;
  /** Told what all workers use of a deployment, where that is counted. */
  readonly stats: CeilingsDeps['stats'];
  readonly now: () => number;
  readonly random: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onThrottled: (deployment: Deployment, by: 'provider' | 'ceiling') => void;
  readonly onError: (error: unknown) => void;
}

/** Time to tell the client that its turn has not come, before its deadline says so less clearly. */
const tellingMs = 250;
/** Clients choose the models of wildcards: what was learnt of the least recently used one is forgotten. */
const gatesMax = 1_000;

interface OpenGate {
  readonly gate: Gate;
  readonly deployment: Deployment;
}

export function createFlow(deps: FlowDeps): Flow {
  const { config, now } = deps;
  const most = config.sluice.workerConcurrency;
  const ceilings = createCeilings({ ...deps, strategy: config.router.strategy });
  const closing = new AbortController();
  /** Least recently used first. */
  const gates = new Map<string, OpenGate>();
  const deploymentsOf = deploymentsByQueue(config);
  /** The queues of both lanes. */
  const queues = new Map(
    [...deploymentsOf].flatMap(([name, deployments]) =>
      Lane.options.map((lane) => [laneQueue(name, lane), { lane, deployments }] as const),
    ),
  );
  const told = new Map<string, number>();
  let listener: (queue: string, concurrency: number) => void = () => undefined;

  return {
    hasRoom,
    isThrottled: (deployment, lane) =>
      !hasRoom(deployment, lane) && (gates.get(deployment.id)?.gate.limit.wasRefused ?? false),
    preferred(deployments, lane) {
      if (deployments.length < 2) return deployments;
      const withRoom = deployments.filter((one) => hasRoom(one, lane));
      if (withRoom.length > 0) return withRoom;
      const opensAt = deployments.map(({ id }) => Math.max(gates.get(id)?.gate.limit.closedUntil ?? 0, now()));
      const first = Math.min(...opensAt);
      return deployments.filter((_, index) => opensAt[index] === first);
    },

    async enter(deployment, call, signal) {
      const { lane, tokensEstimate, since, deadlineAt, patienceMs = Number.POSITIVE_INFINITY, hasRoomElsewhere } = call;
      const gate = gateOf(deployment);
      const giveUpAt = deadlineAt - Math.min(tellingMs, (deadlineAt - since) / 10);
      for (;;) {
        const entering = gate.enter({ lane, since, giveUpAt, patienceMs, hasRoomElsewhere }, signal);
        const answer = entering instanceof Promise ? await entering : entering;
        if (answer.type === 'too-late')
          return { type: 'too-late', retryAfterSeconds: Math.max(1, Math.ceil(answer.retryAfterMs / 1_000)) };
        if (answer.type !== 'entered') return answer;
        let ceiling: CeilingAnswer;
        try {
          const taking = ceilings.take(deployment, { tokensEstimate, deadlineAt });
          ceiling = taking instanceof Promise ? await taking : taking;
        } catch (error) {
          answer.leave({ type: 'other' });
          throw error;
        }
        if (ceiling.type === 'full') {
          // As if the provider had refused: the limit comes down to what all workers together may do.
          answer.leave({ type: 'throttled', retryAfterMs: ceiling.retryAfterMs });
          deps.onThrottled(deployment, 'ceiling');
          if (hasRoomElsewhere?.()) return { type: 'room-elsewhere' };
          continue;
        }
        return { type: 'entered', permit: permitOf(deployment, answer.leave, ceiling.free) };
      }
    },

    concurrencyOf,
    onConcurrency(tell) {
      listener = tell;
    },
    states: () =>
      [...gates.values()].map(({ gate, deployment }) => ({
        deployment,
        limit: gate.limit.limit,
        lanes: { interactive: stateOf(gate, 'interactive'), batch: stateOf(gate, 'batch') },
      })),
    [Symbol.dispose]: () => closing.abort(),
  };

  function hasRoom({ id }: Deployment, lane: Lane): boolean {
    return gates.get(id)?.gate.hasRoom(lane) ?? true;
  }

  function stateOf(gate: Gate, lane: Lane) {
    return { inFlight: gate.inFlight(lane), waiting: gate.waiting(lane) };
  }

  function permitOf(
    deployment: Deployment,
    leaveGate: (outcome: CallOutcome) => void,
    freeCeiling: (tokens: number | null) => void,
  ): Permit {
    let left = false;
    const leave: Permit['leave'] = (outcome, tokens) => {
      if (left) return;
      left = true;
      leaveGate(outcome);
      freeCeiling(tokens);
      if (outcome.type === 'throttled') deps.onThrottled(deployment, 'provider');
    };
    return { leave, [Symbol.dispose]: () => leave({ type: 'other' }, null) };
  }

  function gateOf(deployment: Deployment): Gate {
    const known = gates.get(deployment.id);
    const gate = known?.gate ?? newGate(deployment);
    gates.delete(deployment.id);
    gates.set(deployment.id, { gate, deployment }); // last: the least recently used is first
    if (known) return gate;
    for (const [id, { gate: oldest }] of gates) {
      if (gates.size <= gatesMax) break;
      if (oldest.limit.inFlight + oldest.waiting('interactive') + oldest.waiting('batch') === 0) gates.delete(id);
    }
    return gate;
  }

  function newGate(deployment: Deployment): Gate {
    const shared = [...deploymentsOf]
      .filter(([, all]) => all.some(({ id }) => id === deployment.id))
      .map(([name, all]) => ({ lanes: laneQueues([name]), others: all.filter(({ id }) => id !== deployment.id) }));
    const onChange = () => {
      for (const { lanes, others } of shared) {
        for (const queue of lanes) tellConcurrency(queue);
        for (const { id } of others) gates.get(id)?.gate.reconsider();
      }
    };
    return createGate({ ...deps, most: mostOf(deployment), onChange }, closing.signal);
  }

  function mostOf({ maxParallelRequests = most }: Deployment): number {
    return Math.min(most, maxParallelRequests);
  }

  function concurrencyOf(queue: string): number {
    const known = queues.get(queue);
    if (!known) return most;
    const { lane, deployments } = known;
    const places = deployments.map(
      (deployment) => gates.get(deployment.id)?.gate.places(lane) ?? Math.min(startLimit, mostOf(deployment)),
    );
    return queueConcurrency(places, most);
  }

  function tellConcurrency(queue: string): void {
    const concurrency = concurrencyOf(queue);
    if (told.get(queue) === concurrency) return;
    told.set(queue, concurrency);
    listener(queue, concurrency);
  }
}
