import type { KnownCustomer, KnownTag } from './principal.ts';

/** Whom a request is for besides the holder of its key, as far as budgets are concerned. */
export interface Attribution {
  /** null: it names none. */
  readonly customer: (KnownCustomer & { readonly id: string }) | null;
  /** Those of its tags that are known by name. */
  readonly tags: readonly KnownTag[];
}

export const noAttribution: Attribution = { customer: null, tags: [] };
