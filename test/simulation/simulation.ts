import { createHash } from 'node:crypto';
import { createMemoryCooldownStore } from '@sluice/shared/adapters/memory/memory-cooldown-store.ts';
import { accountKey } from '@sluice/shared/contracts/account.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';
import type { AccountLimits } from '@sluice/shared/ports/admission.ts';
import { reservedIn, settledIn } from './amounts.ts';
import { Incidents } from './incidents.ts';
import { openIngressProgram, openLedgerProgram, openWorkerProgram } from './programs.ts';
import type { IngressProgram, Servers } from './programs.ts';
import { Random } from './random.ts';
import { ReservationWitness } from './reservation-witness.ts';
import { clockSkewMaxMs, drawScenario } from './scenario.ts';
import type { Scenario } from './scenario.ts';
import { serveRequest } from './serve-request.ts';
import type { ClientRequest } from './serve-request.ts';
import { SimulatedAdmission } from './simulated-admission.ts';
import { SimulatedBooks } from './simulated-books.ts';
import { SimulatedBus } from './simulated-bus.ts';
import { SimulatedClient } from './simulated-client.ts';
import { SimulatedProcess } from './simulated-process.ts';
import { SimulatedProvider } from './simulated-provider.ts';
import { SimulatedQueue } from './simulated-queue.ts';
import { SimulatedUsageLog } from './simulated-usage-log.ts';
import { VirtualTime } from './virtual-time.ts';
import { Witness } from './witness.ts';
import { noFaults } from './world.ts';
import type { FaultRates, World } from './world.ts';

export interface SimulationResult {
  readonly seed: number;
  /** The first rule that was broken; null: none. */
  readonly failure: string | null;
  readonly steps: number;
  /** Of the whole trace: the same seed always has the same. */
  readonly traceHash: string;
  /** How often things happened that a simulation is for. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Longer than any reservation outlives its request, the skew of clocks included. */
const restMs = 160_000 + 2 * clockSkewMaxMs;
/** By then known costs of which nobody has heard have expired, too. */
const dayMs = 26 * 3_600_000;
/** Far above what any seed takes: a loop without an end ends here. */
const stepsMax = 300_000;

/**
 * One run of the gateway, decided by its seed alone.
 *
 * @param onTrace gets each line of the trace
 */
export async function simulate(seed: number, onTrace?: (line: string) => void): Promise<SimulationResult> {
  const run = new Simulation(seed, onTrace);
  try {
    return await run.run();
  } finally {
    run[Symbol.dispose]();
  }
}

class Simulation implements World, Disposable {
  readonly random: Random;
  readonly time: VirtualTime;
  readonly scenario: Scenario;
  rates: FaultRates;
  readonly #seed: number;
  readonly #onTrace: ((line: string) => void) | undefined;
  readonly #hash = createHash('sha256');
  readonly #servers: Servers;
  readonly #reservations: ReservationWitness;
  readonly #witness: Witness;
  readonly #incidents: Incidents;
  readonly #clients: SimulatedClient[] = [];
  readonly #ingresses = new Map<SimulatedProcess, IngressProgram>();
  readonly #counts: Record<string, number> = {};
  #lastOwner = '';
  #asked = 0;
  #steps = 0;
  #begun = 0;
  #failure: string | null = null;
  #isOver = false;

  constructor(seed: number, onTrace: ((line: string) => void) | undefined) {
    this.#seed = seed;
    this.#onTrace = onTrace;
    this.random = new Random(seed);
    this.scenario = drawScenario(this.random);
    this.rates = this.scenario.rates;
    const { startAt, habits, deployments } = this.scenario;
    this.time = new VirtualTime({
      startAt,
      random: this.random,
      onEvent: ({ owner, label }) => {
        this.#lastOwner = owner.name;
        this.#trace(owner.name, label);
      },
    });
    this.#reservations = new ReservationWitness(this);
    const books = new SimulatedBooks(this, (row) => {
      this.#reservations.booked(row.event.callId, row.used, row.accountKeys);
      this.#witness.booked(row);
    });
    this.#reservations.watch(books);
    this.#servers = {
      books,
      admission: new SimulatedAdmission(this, books, this.#reservations),
      queue: new SimulatedQueue(this),
      bus: new SimulatedBus(this),
      usage: new SimulatedUsageLog(this),
      provider: new SimulatedProvider(this, habits, (callId) => this.#witness.called(callId, this.#clients)),
      cooldowns: createMemoryCooldownStore(),
    };
    this.#witness = new Witness(this, this.#servers, { reservations: this.#reservations, deployments });
    this.#incidents = new Incidents(this, this.#servers, {
      scenario: this.scenario,
      start: (kind) => this.#start(kind),
      onLedgerDeath: () => this.#reservations.ledgerDied(),
      count: (what) => this.#count(what),
    });
  }

  [Symbol.dispose](): void {
    this.time[Symbol.dispose]();
  }

  note(text: string): void {
    this.#trace('', text);
  }

  fail(text: string): void {
    this.#failure ??= text;
    this.note(`BROKEN: ${text}`);
  }

  async run(): Promise<SimulationResult> {
    const { time, random, scenario } = this;
    this.#incidents.begin();
    for (let n = 0; n < scenario.requests; n += 1) {
      time.after(random.int(0, scenario.arrivalsMs), time.outside, `client ${n} comes`, () => this.#come(n));
    }
    time.after(scenario.activeMs, time.outside, 'all faults end', () => {
      this.rates = noFaults;
      this.#servers.provider.behave();
      this.#incidents.end();
    });
    time.after(scenario.activeMs + restMs, time.outside, 'the end', () => this.#end());
    await time.run(() => this.#goesOn());
    if (!this.#isOver) this.#failure ??= `no end after ${this.#steps} steps`;
    for (const { outcome } of this.#clients) this.#count(outcome ?? 'unheard');
    const { counts: reserved } = this.#reservations;
    return {
      seed: this.#seed,
      failure: this.#failure,
      steps: this.#steps,
      traceHash: this.#hash.digest('hex'),
      counts: {
        ...this.#counts,
        ...reserved,
        ...this.#witness.counts,
        ...this.#servers.queue.counts,
      },
    };
  }

  #goesOn(): boolean {
    this.#steps += 1;
    this.#reservations.check();
    this.#incidents.afterStep(this.#lastOwner);
    return this.#failure === null && !this.#isOver && this.#steps < stepsMax;
  }

  #start(kind: 'ingress' | 'worker' | 'ledger'): SimulatedProcess {
    this.#begun += 1;
    const process = new SimulatedProcess(this.time, `${kind}-${this.#begun}`, this.#incidents.skewMs());
    const { config } = this.scenario;
    process.begin(() => {
      this.#open(kind, process, config).catch((error: unknown) => {
        this.note(`${process.name} does not start: ${String(error)}`);
        process.kill(false);
      });
    });
    return process;
  }

  async #open(kind: 'ingress' | 'worker' | 'ledger', process: SimulatedProcess, config: Scenario['config']) {
    const servers = this.#servers;
    if (kind === 'worker') return openWorkerProgram(this, process, { config, servers });
    if (kind === 'ledger') return openLedgerProgram(this, process, servers);
    this.#ingresses.set(process, await openIngressProgram(this, process, servers));
  }

  #come(n: number): void {
    const { random, scenario, time } = this;
    const open = [...this.#ingresses].filter(([process]) => process.state !== 'dead');
    if (open.length === 0) return; // it finds nobody
    const [ingress, program] = random.pick(open);
    const client = new SimulatedClient(this.#draw(n), ingress, {
      fail: (text) => this.fail(text),
      onAnswered: (answered) => this.#witness.answered(answered),
    });
    this.#clients.push(client);
    time.after(0, ingress, `${client.id} is read`, () => {
      const serving = { program, config: scenario.config, now: ingress.now, createdAt: scenario.startAt };
      serveRequest(client.request, client, serving).catch((error: unknown) => {
        this.note(`${client.id} is told: ${error instanceof Error ? error.message : String(error)}`);
        client.failed(error);
      });
    });
    if (random.chance(0.2)) {
      time.after(random.int(0, client.request.timeoutMs), ingress, `${client.id} leaves`, () => client.leave());
    }
  }

  #draw(n: number): ClientRequest {
    const { random, scenario } = this;
    const words = 'x'.repeat(random.int(1, 120));
    return {
      requestId: RequestId.parse(`chatcmpl-${String(n).padStart(3, '0')}`),
      key: random.pick(scenario.keys),
      body: {
        model: 'chat',
        messages: [{ role: 'user', content: words }],
        stream: random.chance(0.5),
        max_tokens: random.int(1, 80),
      },
      fallbacks: random.chance(0.5) ? ['spare'] : [],
      timeoutMs: random.int(500, 15_000),
      metadata: random.chance(0.05) ? { note: '\u0000' } : {},
    };
  }

  #end(): void {
    this.#witness.finish(this.#clients);
    void this.#compareAll().finally(() => {
      this.#isOver = true;
    });
  }

  /**
   * Every reservation is closed, and the counters say what the books say. The exception: calls that a ledger has booked
   * and could not tell admission of before it died. They stay reserved, at their known cost, for a day.
   */
  async #compareAll(): Promise<void> {
    const { open, untoldCalls, expiredCalls, accounts } = this.#reservations;
    for (const account of accounts.values()) await this.#compare(account, this.time.now);
    for (const callId of expiredCalls) {
      this.#count('expired');
      if (this.scenario.isCalm) this.fail(`nobody has ended the reservation of ${callId}, and nothing went wrong`);
    }
    for (const callId of open.keys()) {
      this.#count('never told');
      if (!untoldCalls.has(callId)) this.fail(`at the end, ${callId} is still reserved`);
    }
    for (const account of accounts.values()) await this.#compare(account, this.time.now + dayMs);
    for (const callId of open.keys()) this.fail(`a day after the end, ${callId} is still reserved`);
  }

  async #compare(account: AccountLimits, now: number): Promise<void> {
    this.#asked += 1;
    const callId = callIdOf(RequestId.parse(`question-${this.#asked}`), 1);
    const free = {
      inputCostNanoUsd: 0,
      inputTokensMax: 0,
      outputNanoUsdPerMillion: 0,
      outputTokensCap: 0,
      outputTokensMin: 0,
    };
    // Even of a spent budget it is told how it stands.
    const unlimited = { ...account, budgetNanoUsd: null, tokenBudget: null };
    const question = { callId, accounts: [unlimited], ...free, tokensEstimate: 0, moneyOnly: true };
    const result = await this.#servers.admission.reserve({ ...question, now, expiresAt: now + 1_000 });
    const [state] = result.type === 'admitted' ? result.accounts : [];
    if (!state) return this.fail(`at the end, ${accountKey(account)} answers with ${result.type}`);
    const known = JSON.stringify([settledIn(state), reservedIn(state)]);
    const settled = settledIn(this.#servers.books.balanceOf(account));
    const due = JSON.stringify([settled, this.#reservations.reservedOn(accountKey(account))]);
    if (known !== due) this.fail(`at the end, ${accountKey(account)} has settled and reserved ${known}, not ${due}`);
    await this.#servers.admission.shrink(callId, { costNanoUsd: 0, tokens: 0 });
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  #trace(who: string, what: string): void {
    const line = `${String((this.time.now - this.scenario.startAt) / 1_000).padEnd(8)} ${who.padEnd(10)} ${what}`;
    this.#hash.update(line);
    this.#onTrace?.(line);
  }
}
