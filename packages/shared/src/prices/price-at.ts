import type { TokenPrice } from '../contracts/token-price.ts';
import { timesFactor, wholePpm } from './price-factor.ts';

/** What a deployment costs in the course of time. */
export interface Priced {
  readonly price: TokenPrice;
  readonly priceSource: string;
  /** Oldest first. */
  readonly priceChanges?: readonly {
    readonly from: number;
    readonly price: TokenPrice;
    readonly priceSource: string;
  }[];
}

/**
 * The price of a moment. A request is priced by the moment of its admission, in every process and at every attempt:
 * what was reserved for it must be enough.
 *
 * @param at epoch milliseconds
 * @param factorPpm of the job; another than 1 is named in `priceSource`, as in `config x 0.5`
 */
export function priceAt(priced: Priced, at: number, factorPpm = wholePpm): Pick<Priced, 'price' | 'priceSource'> {
  const { price, priceSource } = priced.priceChanges?.findLast(({ from }) => from <= at) ?? priced;
  if (factorPpm === wholePpm) return { price, priceSource };
  return { price: timesFactor(price, factorPpm), priceSource: `${priceSource} x ${factorPpm / wholePpm}` };
}

/** The factor that a price's source names, as `priceAt` writes it; 1: none. */
export function factorNamedIn(priceSource: string | null): number {
  const [, factor] = / x (\d+(?:\.\d+)?(?:e-\d+)?)$/.exec(priceSource ?? '') ?? [];
  return factor === undefined ? 1 : Number(factor);
}
