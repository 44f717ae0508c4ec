import type { Deployment, GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { Caller } from '@sluice/shared/contracts/caller.ts';
import type { TokenPrice } from '@sluice/shared/contracts/token-price.ts';
import type { AccountLimits } from '@sluice/shared/ports/admission.ts';
import { budgetWindow } from '@sluice/shared/time/budget-window.ts';
import { configOf, deployment } from '../../services/worker/test/pipeline/recording-deps.ts';
import type { Random } from './random.ts';
import type { ProviderHabits } from './simulated-provider.ts';
import { noFaults } from './world.ts';
import type { FaultRates } from './world.ts';

/** Something with limits that requests are booked on. */
interface Limited extends Omit<AccountLimits, 'windowStart'> {
  /** Seconds; null: its budget never resets. */
  readonly windowSeconds: number | null;
}

export interface SimulatedKey {
  readonly caller: Caller;
  /** Its own account, its team's and its organization's. */
  readonly accounts: readonly Limited[];
}

/** What happens to processes and servers, each every now and then. */
export type Incident =
  | 'worker dies'
  | 'ingress dies'
  | 'ledger dies'
  | 'second ledger'
  | 'pause'
  | 'clock jumps'
  | 'server away'
  | 'counters wiped'
  | 'lock lost'
  | 'usage repeated';

export interface Scenario {
  readonly startAt: number;
  /** Nothing goes wrong. */
  readonly isCalm: boolean;
  readonly config: GatewayConfig;
  readonly deployments: readonly Deployment[];
  readonly keys: readonly SimulatedKey[];
  readonly workers: number;
  readonly ingresses: number;
  readonly requests: number;
  /** Faults happen for so long. */
  readonly activeMs: number;
  /** Requests arrive for so long. */
  readonly arrivalsMs: number;
  readonly rates: FaultRates;
  readonly habits: ProviderHabits;
  readonly incidents: readonly Incident[];
  /** The longest time between two incidents. */
  readonly incidentEveryMs: number;
}

/** Of a process, either way; the counters measure by a clock of their own. */
export const clockSkewMaxMs = 5 * 60_000;

const allIncidents: readonly Incident[] = [
  'worker dies',
  'ingress dies',
  'ledger dies',
  'second ledger',
  'pause',
  'clock jumps',
  'server away',
  'counters wiped',
  'lock lost',
  'usage repeated',
];

export function drawScenario(random: Random): Scenario {
  const activeMs = random.int(10_000, 60_000);
  const startAt = Date.UTC(2027, 2, 31, 22) + random.int(0, 4 * 3_600_000);
  // One in seven runs in good weather: what is wrong there is wrong everywhere.
  const isCalm = random.chance(0.15);
  const config = drawConfig(random, startAt, activeMs);
  const deployments = [...config.aliases.values()].flatMap((alias) => alias.deployments);
  const sometimes = (most: number) => (isCalm || random.chance(0.5) ? 0 : random.next() * most);
  return {
    startAt,
    isCalm,
    config,
    deployments,
    keys: drawKeys(random, deployments),
    workers: random.int(1, 3),
    ingresses: random.int(1, 2),
    requests: random.int(8, 40),
    activeMs,
    arrivalsMs: random.chance(0.3) ? random.int(0, 2_000) : activeMs,
    rates: isCalm
      ? noFaults
      : {
          lost: sometimes(0.04),
          slow: sometimes(0.05),
          busLost: sometimes(0.03),
          busTwice: sometimes(0.03),
          busReordered: sometimes(0.03),
          usageTwice: sometimes(0.3),
          usageReordered: sometimes(0.3),
          workerDies: sometimes(0.01),
        },
    habits: {
      refuses: sometimes(0.4),
      breaksOff: sometimes(0.3),
      fallsSilent: sometimes(0.15),
      doesNotCount: sometimes(0.1),
    },
    incidents: isCalm ? [] : allIncidents.filter(() => random.chance(0.5)),
    incidentEveryMs: random.int(500, 6_000),
  };
}

/** The accounts of a request that comes `now`, with the windows that they are in. */
export function accountsOf({ accounts }: SimulatedKey, now: number, createdAt: number): AccountLimits[] {
  return accounts.map(({ windowSeconds, ...limits }) => ({
    ...limits,
    windowStart:
      windowSeconds === null ? 0 : budgetWindow({ unit: 'second', count: windowSeconds }, createdAt, now).start,
  }));
}

function drawConfig(random: Random, startAt: number, activeMs: number): GatewayConfig {
  const deploymentsOf = (alias: string, count: number) =>
    Array.from({ length: count }, (_, n) => drawDeployment(random, alias, `${alias}-${n + 1}`, startAt, activeMs));
  const config = configOf(
    { chat: deploymentsOf('chat', random.int(1, 3)), spare: deploymentsOf('spare', 1) },
    {
      numRetries: random.int(0, 3),
      timeoutMs: 8_000,
      streamTimeoutMs: random.int(1_000, 8_000),
      cooldowns: { enabled: random.chance(0.3), cooldownMs: 2_000, allowedFails: null, allowedFailsPolicy: {} },
    },
  );
  const betweenTokensTimeoutMs = random.int(300, 2_000);
  const onClientGone = random.chance(0.7) ? ('stop' as const) : ('finish' as const);
  const workerConcurrency = random.int(1, 6);
  return { ...config, sluice: { ...config.sluice, betweenTokensTimeoutMs, onClientGone, workerConcurrency } };
}

function drawDeployment(random: Random, alias: string, id: string, startAt: number, activeMs: number): Deployment {
  const changes = Array.from({ length: random.int(0, 2) }, () => ({
    from: startAt + random.int(0, activeMs),
    price: drawPrice(random),
    priceSource: 'changed',
  }));
  return deployment(alias, id, {
    price: drawPrice(random),
    priceChanges: changes.toSorted((one, other) => one.from - other.from),
    ...(random.chance(0.2) && { maxParallelRequests: random.int(1, 3) }),
    ...(random.chance(0.1) && { requestsPerMinute: random.int(3, 30) }),
    ...(random.chance(0.2) && { order: random.int(1, 2) }),
  });
}

function drawPrice(random: Random): TokenPrice {
  const inputNanoUsdPerMillion = random.int(0, 20) * 50_000_000 + random.int(0, 1) * 7_333_333;
  return {
    inputNanoUsdPerMillion,
    outputNanoUsdPerMillion: random.int(1, 60) * 50_000_000 + random.int(0, 1) * 7_333_333,
    ...(random.chance(0.5) && { cachedInputNanoUsdPerMillion: Math.floor(inputNanoUsdPerMillion / 10) }),
  };
}

function drawKeys(random: Random, deployments: readonly Deployment[]): SimulatedKey[] {
  const dearest = Math.max(...deployments.map(({ price }) => price.outputNanoUsdPerMillion));
  /** Roughly what one request reserves. */
  const unit = Math.ceil((dearest * 60) / 1e6);
  const organization = drawLimited(random, 'organization:one', 60 * unit);
  const teams = Array.from({ length: random.int(1, 2) }, (_, n) => drawLimited(random, `team:${n}`, 40 * unit));
  return Array.from({ length: random.int(1, 4) }, (_, n) => {
    const team = random.pick(teams);
    const keyHash = String(n).repeat(64);
    const key = drawLimited(random, `key:${keyHash}`, 25 * unit);
    const caller = {
      keyHash,
      keyAlias: `key-${n}`,
      keyName: null,
      userId: null,
      teamId: team.id,
      organizationId: organization.id,
      metadata: {},
    };
    return { caller, accounts: [key, team, organization] };
  });
}

function drawLimited(random: Random, id: string, budgetMost: number): Limited {
  const maybe = (probability: number, draw: () => number) => (random.chance(probability) ? draw() : null);
  return {
    id,
    windowSeconds: maybe(0.25, () => random.pick([15, 30, 60])),
    budgetNanoUsd: maybe(0.75, () =>
      random.chance(0.1) ? random.int(1, 100) : random.int(Math.ceil(budgetMost / 10), budgetMost),
    ),
    // A request reserves some 50 to 250 tokens.
    tokenBudget: maybe(0.3, () => random.int(50, 4_000)),
    requestsPerMinute: maybe(0.15, () => random.int(3, 30)),
    tokensPerMinute: maybe(0.15, () => random.int(500, 5_000)),
    maxParallelRequests: maybe(0.15, () => random.int(1, 6)),
  };
}
