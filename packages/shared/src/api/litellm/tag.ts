import { z } from 'zod';
import { budgetFields, Models } from './budget-fields.ts';
import { queryDay } from './query.ts';
import { isText, Text } from './text.ts';

const Name = Text.min(1);

/** POST /tag/new, and the body of POST /tag/update too. null clears, but for `models`, where it changes nothing. */
export const TagRequest = z.object({
  name: Name,
  description: z.string().max(2_000).refine(isText, 'Input should be valid text').nullish(),
  /** What requests that carry the tag may use; empty: every alias. */
  models: Models.nullish(),
  ...budgetFields,
});
export type TagRequest = z.infer<typeof TagRequest>;

/** POST /tag/info. */
export const TagsNamed = z.object({ names: z.array(Name).max(1_000) });

/** POST /tag/delete. */
export const TagNamed = z.object({ name: Name });

/** GET /tag/list. Both dates or none. */
export const TagListQuery = z.object({ start_date: queryDay.optional(), end_date: queryDay.optional() });
