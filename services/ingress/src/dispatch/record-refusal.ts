import { unbilledUsageEvent } from '@sluice/shared/contracts/unbilled-usage-event.ts';
import type { UnbilledJob } from '@sluice/shared/contracts/unbilled-usage-event.ts';
import { errorCatalog } from '@sluice/shared/errors.ts';
import type { GatewayError } from '@sluice/shared/errors.ts';
import type { Logger } from '@sluice/shared/log.ts';
import type { UsageLog } from '@sluice/shared/ports/usage-log.ts';

/** Leaves a row with zero spend for a request that was refused; contract §4.1. Never waits and never fails. */
export type RecordRefusal = (job: UnbilledJob, error: GatewayError) => void;

/** Refusals on their way to the log. Beyond it they are counted in metrics only: a flood of them must not hurt. */
const inFlightMax = 500;

/** Characters. A client can name a model of any length, and messages repeat it. */
const aliasLengthMax = 256;
const messageLengthMax = 2_048;

export function createRecordRefusal(deps: { usage: UsageLog; log: Logger; now: () => number }): RecordRefusal {
  let inFlight = 0;
  return (job, error) => {
    if (inFlight >= inFlightMax) return;
    inFlight += 1;
    const at = { call: 1, attempt: 0, startedAt: job.admittedAt, endedAt: deps.now() };
    const failure = {
      code: error.code,
      status: errorCatalog[error.code].status,
      message: error.message.slice(0, messageLengthMax),
    };
    deps.usage
      .append(unbilledUsageEvent({ ...job, alias: job.alias.slice(0, aliasLengthMax) }, at, failure))
      .catch((cause: unknown) => deps.log.debug({ requestId: job.requestId, err: cause }, 'refusal not recorded'))
      .finally(() => (inFlight -= 1));
  };
}
