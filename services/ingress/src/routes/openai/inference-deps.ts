import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { Request, Response } from 'express';
import type { Admit } from '../../admission/admit.ts';
import type { Authenticate } from '../../auth/create-authenticate.ts';
import type { Dispatch } from '../../dispatch/dispatch.ts';
import type { Line } from '../../dispatch/line.ts';
import type { RecordRefusal } from '../../dispatch/record-refusal.ts';
import type { ClaimKey } from '../../idempotency/claim.ts';
import type { IngressMetrics } from '../../ingress-metrics.ts';
import type { Attribute } from '../../tenancy/attribute.ts';
import type { Customer } from '../../tenancy/customer.ts';
import type { SoftBudgetWatch } from '../../tenancy/soft-budgets.ts';

/** What the endpoints for inference are made of: the steps of a request's path. */
export interface InferenceDeps {
  readonly authenticate: Authenticate;
  /** Reads the body into `req.body`, up to the largest there may be. */
  readonly readBytes: (req: Request, res: Response) => Promise<void>;
  readonly claimKey: ClaimKey;
  readonly attribute: Attribute;
  readonly customerOf: (id: string) => Promise<Customer | null>;
  readonly softBudgets: Pick<SoftBudgetWatch, 'ended'>;
  readonly requireTurn: Line['requireTurn'];
  readonly admit: Admit;
  readonly dispatch: Dispatch;
  readonly recordRefusal: RecordRefusal;
  readonly config: GatewayConfig;
  readonly metrics: IngressMetrics;
  readonly version: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** A UUID. */
  readonly newId: () => string;
}
