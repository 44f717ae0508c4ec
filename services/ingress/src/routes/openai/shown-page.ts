/** A page of one of OpenAI's lists; with `last_id` a client asks for the next. */
export function shownPage<Shown extends { readonly id: string }>(data: readonly Shown[], hasMore: boolean) {
  return {
    object: 'list' as const,
    data,
    has_more: hasMore,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}
