import type { ProviderEvent } from '../provider.ts';
import { finishReasonOf } from '../chat/finish-reason.ts';
import { readUsage } from './usage.ts';
import type { WireObject } from '../http/wire.ts';

/** How the only choice of a Cohere answer ends: a finish reason, with the usage on it (oci-wire.md §4.3, §4.4). */
export class SingleChoice {
  #isFinished = false;
  #hasFinalUsage = false;

  get isFinished(): boolean {
    return this.#isFinished;
  }

  get hasFinalUsage(): boolean {
    return this.#hasFinalUsage;
  }

  /** Only the first time counts. @param reason the provider's word; undefined: it gave none */
  finish(reason: unknown, hasToolCalls: boolean, out: ProviderEvent[]): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    out.push({ type: 'choice-end', choice: 0, finishReason: finishReasonOf(reason, hasToolCalls) });
  }

  readUsage(event: WireObject, out: ProviderEvent[]): void {
    const usage = event['usage'] ? readUsage(event['usage']) : null;
    if (!usage) return;
    out.push({ type: 'usage', usage });
    this.#hasFinalUsage = this.#isFinished;
  }
}
