import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';

/** The aliases to try after one has failed, in order, by the kind of its error (contract §8.5). */
export function nextAliases(
  { alias, fallbacks, fallbackPlan }: Pick<InferenceJob, 'alias' | 'fallbacks' | 'fallbackPlan'>,
  failed: string,
  code: ErrorCode,
): readonly string[] {
  if (!fallbackPlan) return failed === alias ? fallbacks : [];
  const next = Object.hasOwn(fallbackPlan, failed) ? fallbackPlan[failed] : undefined;
  if (!next) return [];
  if (code === 'context_window_exceeded') return next.contextWindow ?? next.any;
  if (code === 'content_policy_violation') return next.contentPolicy ?? next.any;
  return next.any;
}
