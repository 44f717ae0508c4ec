import { madeKeyDefaults, type KeyInfo } from '@sluice/shared/api/litellm/key.ts';

/** A key in the answer to the request that made it, which repeats what the request said. */
export function madeKeyOf(info: KeyInfo, { duration }: { readonly duration?: unknown }) {
  const { tags } = info.metadata;
  return {
    ...madeKeyDefaults,
    ...info,
    duration: typeof duration === 'string' ? duration : null,
    tags: Array.isArray(tags) ? tags : null,
  };
}
