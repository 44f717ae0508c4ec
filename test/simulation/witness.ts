import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import { callCostNanoUsd } from '@sluice/shared/prices/call-cost.ts';
import { priceAt } from '@sluice/shared/prices/price-at.ts';
import { measures, nothing, plus, settledIn } from './amounts.ts';
import type { Amounts } from './amounts.ts';
import type { Servers } from './programs.ts';
import type { ReservationWitness } from './reservation-witness.ts';
import type { BookedRow } from './simulated-books.ts';
import type { SimulatedClient } from './simulated-client.ts';
import { usageOf } from './simulated-provider.ts';
import type { Bill } from './simulated-provider.ts';
import type { World } from './world.ts';

/** Holds the books against what the provider billed and what clients have seen. */
export class Witness {
  readonly counts = { completed: 0, cut: 0, atCeiling: 0, unbilled: 0 };
  readonly #world: World;
  readonly #servers: Servers;
  readonly #reservations: ReservationWitness;
  readonly #deployments: ReadonlyMap<string, Deployment>;

  constructor(
    world: World,
    servers: Servers,
    given: { reservations: ReservationWitness; deployments: readonly Deployment[] },
  ) {
    this.#world = world;
    this.#servers = servers;
    this.#reservations = given.reservations;
    this.#deployments = new Map(given.deployments.map((one) => [one.id, one]));
  }

  /** A row of a completed call comes to what the provider billed for it, and one at its ceiling to no less. */
  booked({ event, used }: BookedRow): void {
    const { callId, outcome, countedBy, costCeilingNanoUsd } = event;
    const bill = this.#servers.provider.bills.get(callId);
    const billed = bill === undefined ? nothing : this.#amountsOf(bill, event.admittedAt);
    const [amounts, bills] = [JSON.stringify(used), JSON.stringify(billed)];
    this.#world.note(`${callId} is booked as ${outcome} at ${amounts}, the provider has ${bills}`);
    if (outcome === 'failed') {
      this.counts.unbilled += 1;
      if (bill) this.#world.fail(`${callId} is booked as unbilled, and the provider bills ${bills}`);
    } else if (costCeilingNanoUsd !== null) {
      this.counts.atCeiling += 1;
      if (measures.some((measure) => used[measure] < billed[measure])) {
        this.#world.fail(`${callId}: its ceiling ${amounts} is below its bill ${bills}`);
      }
    } else if (outcome === 'completed') {
      this.counts.completed += 1;
      if (!bill?.isComplete) this.#world.fail(`${callId} is booked as completed, and the provider knows better`);
      if (countedBy === 'provider' && measures.some((measure) => used[measure] !== billed[measure])) {
        this.#world.fail(`${callId} is booked at ${amounts}, and the provider bills ${bills}`);
      }
    } else {
      this.counts.cut += 1;
    }
  }

  /** Nobody pays for a call whose answer nobody can get any more. */
  called(callId: CallId, clients: readonly SimulatedClient[]): void {
    if (this.#servers.queue.untold.has(callId)) return;
    const client = clients.find(({ id }) => callId.startsWith(`${id}:`));
    if (client?.outcome === 'answered') this.#world.fail(`${callId} is made, and ${client.id} has its answer`);
    // What can be made anew is shown only when it is whole.
    if (client?.outcome === null && client.text !== '') {
      this.#world.fail(`${callId} is made, and ${client.id} has the beginning of another answer`);
    }
  }

  /** Whoever has a whole answer has all of one call's text, and its usage is stored. */
  answered(client: SimulatedClient): void {
    const callId = [...this.#servers.provider.bills.keys()].find((id) => client.text.startsWith(`${id}/`));
    const bill = callId === undefined ? undefined : this.#servers.provider.bills.get(callId);
    if (!bill) {
      const isEmpty = [...this.#servers.provider.bills.values()].some(
        ({ callId: id, isComplete, text }) => id.startsWith(`${client.id}:`) && isComplete && text === '',
      );
      if (client.text !== '' || !isEmpty) this.#world.fail(`${client.id} has an answer that nobody wrote`);
      return;
    }
    if (!bill.callId.startsWith(`${client.id}:`)) this.#world.fail(`${client.id} has the answer of ${bill.callId}`);
    if (client.text !== bill.text) this.#world.fail(`${client.id} does not have what ${bill.callId} wrote`);
    if (!this.#servers.usage.storedCalls.has(bill.callId)) {
      this.#world.fail(`${client.id} has its answer, and nothing is stored of what it used`);
    }
  }

  /** What a client has got of an answer that broke off is the beginning of one call's text. */
  interrupted(client: SimulatedClient): void {
    if (client.text === '') return;
    const isBeginning = [...this.#servers.provider.bills.values()].some(
      ({ callId, text }) => callId.startsWith(`${client.id}:`) && text.startsWith(client.text),
    );
    if (!isBeginning) this.#world.fail(`${client.id} has parts of several answers: ${client.text}`);
  }

  /** When everything has come to its end. */
  finish(clients: readonly SimulatedClient[]): void {
    const { provider, queue, usage, books } = this.#servers;
    const fail = (text: string) => this.#world.fail(`at the end, ${text}`);
    for (const client of clients) {
      if (client.outcome === null) fail(`${client.id} has heard nothing`);
      if (client.outcome !== 'answered') this.interrupted(client);
    }
    for (const requestId of queue.jobs.keys()) fail(`${requestId} is still in the queue`);
    if (usage.backlog > 0) fail(`${usage.backlog} usage events are not booked`);
    for (const callId of books.rejected.keys()) fail(`${callId} was rejected`);
    for (const callId of provider.bills.keys()) {
      if (!this.#reservations.isBooked(callId)) fail(`${callId} was billed and never booked`);
    }
    for (const callId of usage.storedCalls) {
      if (!this.#reservations.isBooked(callId)) fail(`${callId} was stored and never booked`);
    }
    const sums = new Map<string, Amounts>();
    for (const { accountKeys, used } of books.rows.values()) {
      for (const key of accountKeys) sums.set(key, plus(sums.get(key) ?? nothing, used));
    }
    for (const [key, balance] of books.balances) {
      const settled = settledIn(balance);
      for (const measure of measures) {
        if (settled[measure] === sums.get(key)?.[measure]) continue;
        fail(`${key} has ${settled[measure]} ${measure} settled, and its rows say otherwise`);
      }
    }
  }

  #amountsOf(bill: Bill, admittedAt: number): Amounts {
    const deployment = this.#deployments.get(bill.deploymentId);
    if (!deployment) throw new Error(`no deployment ${bill.deploymentId}`);
    const nanoUsd = callCostNanoUsd(usageOf(bill), priceAt(deployment, admittedAt).price);
    return { nanoUsd, tokens: bill.inputTokens + bill.outputTokens };
  }
}
