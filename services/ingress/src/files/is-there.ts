/** The condition on rows of `ingress.files as file` that their owner sees: whole, neither deleted nor expired. */
export function isThere(now: string): string {
  return `file.stored_at is not null and file.deleted_at is null
    and (file.expires_at is null or file.expires_at > ${now})`;
}
