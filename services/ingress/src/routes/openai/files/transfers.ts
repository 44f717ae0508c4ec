import { GatewayError } from '@sluice/shared/errors.ts';

/** How many files one ingress receives or sends at a time. */
export interface TransferLimits {
  readonly total: number;
  /** Of one owner: whoever is slow is slow at the cost of their own. */
  readonly ofOwner: number;
}

/**
 * @returns begins one of an owner's, until it is disposed
 * @throws GatewayError overloaded, when there are as many already
 */
export function createTransfers({ total, ofOwner }: TransferLimits, what: string): (owner: string) => Disposable {
  const message = `Many files are being ${what}. Try again in a moment.`;
  const running = new Map<string, number>();
  let all = 0;
  return (owner) => {
    const own = running.get(owner) ?? 0;
    if (all >= total || own >= ofOwner) throw new GatewayError('overloaded', message, { retryAfterSeconds: 1 });
    count(owner, 1);
    return { [Symbol.dispose]: () => count(owner, -1) };
  };

  function count(owner: string, change: 1 | -1): void {
    const left = (running.get(owner) ?? 0) + change;
    if (left === 0) running.delete(owner);
    else running.set(owner, left);
    all += change;
  }
}
