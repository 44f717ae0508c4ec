import type { Servers } from './programs.ts';
import { clockSkewMaxMs } from './scenario.ts';
import type { Incident, Scenario } from './scenario.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

type Kind = 'ingress' | 'worker' | 'ledger';

interface IncidentDeps {
  readonly scenario: Scenario;
  readonly start: (kind: Kind) => SimulatedProcess;
  readonly onLedgerDeath: () => void;
  readonly count: (what: string) => void;
}

/** What befalls processes and servers; whoever dies is replaced some time after. */
export class Incidents {
  readonly #world: World;
  readonly #servers: Servers;
  readonly #deps: IncidentDeps;
  readonly #processes = new Map<SimulatedProcess, Kind>();
  #isOver = false;

  constructor(world: World, servers: Servers, deps: IncidentDeps) {
    this.#world = world;
    this.#servers = servers;
    this.#deps = deps;
  }

  begin(): void {
    const { workers, ingresses, incidents } = this.#deps.scenario;
    for (let n = 0; n < ingresses; n += 1) this.#startOne('ingress');
    for (let n = 0; n < workers; n += 1) this.#startOne('worker');
    this.#startOne('ledger');
    if (incidents.length > 0) this.#wait();
  }

  /** Nothing more happens; what is away comes back. */
  end(): void {
    this.#isOver = true;
    for (const server of this.#allServers()) server.isAway = false;
    for (const process of this.#processes.keys()) process.skewMs = 0;
  }

  /** How wrong the clock of a new process is. */
  skewMs(): number {
    const { random } = this.#world;
    const isWrong = !this.#isOver && this.#deps.scenario.incidents.includes('clock jumps') && random.chance(0.5);
    return isWrong ? random.int(-clockSkewMaxMs, clockSkewMaxMs) : 0;
  }

  /** Called after each step of a process: it may have been its last. */
  afterStep(name: string): void {
    const { random, rates } = this.#world;
    if (rates.workerDies === 0 || !name.startsWith('worker') || !random.chance(rates.workerDies)) return;
    const process = [...this.#processes.keys()].find((one) => one.name === name);
    if (process) this.#kill(process);
  }

  #wait(): void {
    const { time, random } = this.#world;
    time.after(random.int(1, this.#deps.scenario.incidentEveryMs), time.outside, 'an incident', () => {
      if (this.#isOver) return;
      const incident = random.pick(this.#deps.scenario.incidents);
      this.#deps.count(incident);
      this.#happen(incident);
      this.#wait();
    });
  }

  #happen(incident: Incident): void {
    const { random, note } = { random: this.#world.random, note: (text: string) => this.#world.note(text) };
    switch (incident) {
      case 'worker dies':
        return this.#killOne('worker');
      case 'ingress dies':
        return this.#killOne('ingress');
      case 'ledger dies':
        return this.#killOne('ledger');
      case 'second ledger':
        if (this.#alive('ledger').length < 3) this.#startOne('ledger');
        return;
      case 'pause': {
        const process = this.#anyOf(['worker', 'worker', 'ingress', 'ledger']);
        const ms = random.int(200, 8_000);
        note(`${process?.name} stands still for ${ms} ms`);
        return process?.pause(ms);
      }
      case 'clock jumps': {
        const process = this.#anyOf(['worker', 'ingress', 'ledger']);
        if (process) process.skewMs = random.int(-clockSkewMaxMs, clockSkewMaxMs);
        return note(`the clock of ${process?.name} is off by ${process?.skewMs} ms`);
      }
      case 'server away':
        return this.#takeAway();
      case 'counters wiped':
        note('the counters are wiped');
        return this.#servers.admission.wipe();
      case 'lock lost': {
        const running = [...this.#servers.queue.jobs].filter(([, { holder }]) => holder !== null);
        if (running.length === 0) return;
        const [requestId] = random.pick(running);
        note(`the lock of ${requestId} is lost`);
        return this.#servers.queue.loseLock(requestId);
      }
      case 'usage repeated':
        return this.#servers.usage.repeatOne();
      default:
        return incident satisfies never;
    }
  }

  #takeAway(): void {
    const { time, random } = this.#world;
    const server = random.pick(this.#allServers());
    if (server.isAway) return;
    server.isAway = true;
    const ms = random.int(50, 6_000);
    this.#world.note(`${server.name} is away for ${ms} ms`);
    time.after(ms, time.outside, `${server.name} is back`, () => {
      server.isAway = false;
    });
  }

  #allServers() {
    const { admission, queue, bus, usage, books } = this.#servers;
    return [admission.server, queue.server, bus.server, usage.server, books.server];
  }

  #startOne(kind: Kind): void {
    const { time, random } = this.#world;
    const process = this.#deps.start(kind);
    this.#processes.set(process, kind);
    process.onDeath(() => {
      this.#processes.delete(process);
      if (kind === 'ledger') this.#deps.onLedgerDeath();
      time.after(random.int(50, 8_000), time.outside, `a new ${kind}`, () => this.#startOne(kind));
    });
  }

  #killOne(kind: Kind): void {
    const alive = this.#alive(kind);
    if (alive.length > 0) this.#kill(this.#world.random.pick(alive));
  }

  #kill(process: SimulatedProcess): void {
    const machineLost = this.#world.random.chance(0.3);
    this.#world.note(`${process.name} dies${machineLost ? ', and its machine' : ''}`);
    this.#deps.count('deaths');
    process.kill(machineLost);
  }

  #alive(kind: Kind): SimulatedProcess[] {
    return [...this.#processes].flatMap(([process, its]) => (its === kind ? [process] : []));
  }

  #anyOf(kinds: readonly Kind[]): SimulatedProcess | undefined {
    const alive = this.#alive(this.#world.random.pick(kinds));
    return alive.length === 0 ? undefined : this.#world.random.pick(alive);
  }
}
