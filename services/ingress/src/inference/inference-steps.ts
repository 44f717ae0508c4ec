import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { Admit } from '../admission/admit.ts';
import type { Dispatch } from '../dispatch/dispatch.ts';
import type { Line } from '../dispatch/line.ts';
import type { RecordRefusal } from '../dispatch/record-refusal.ts';
import type { ClaimKey } from '../idempotency/claim.ts';
import type { Attribute } from '../tenancy/attribute.ts';
import type { Customer } from '../tenancy/customer.ts';
import type { SoftBudgetWatch } from '../tenancy/soft-budgets.ts';

/** The steps of a request's path, from who sent it to its answer. */
export interface InferenceSteps {
  readonly claimKey: ClaimKey;
  readonly attribute: Attribute;
  readonly customerOf: (id: string) => Promise<Customer | null>;
  readonly softBudgets: Pick<SoftBudgetWatch, 'ended'>;
  readonly requireTurn: Line['requireTurn'];
  readonly admit: Admit;
  readonly dispatch: Dispatch;
  readonly recordRefusal: RecordRefusal;
  readonly config: GatewayConfig;
  readonly version: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** A UUID. */
  readonly newId: () => string;
}
