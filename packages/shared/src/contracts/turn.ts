import { z } from 'zod';

/** Batch jobs get what interactive jobs leave; each lane has queues of its own. */
export const Lane = z.enum(['interactive', 'batch']);
export type Lane = z.infer<typeof Lane>;

/** LiteLLM's `priority`: 0 is the soonest. */
export const priorityMax = 255;
export const priorityDefault = 128;

/** What decides when a job's turn comes, beside the tokens that it may take. Fixed at admission. */
export const Turn = z.object({
  /** Who shares the queue: `team:<id>`, or `key:<hash>` for a key without a team. */
  flow: z.string(),
  /** The flow's share in proportion to the others'. */
  weight: z.number().positive(),
  lane: Lane,
  /** Among the flow's own jobs only; lower is sooner. */
  priority: z.int().min(0).max(priorityMax),
});
export type Turn = z.infer<typeof Turn>;
