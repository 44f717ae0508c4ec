/** The name of the unique or foreign key constraint that refused a statement; null for any other error. */
export function violatedConstraint(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || !isOurs(error.code)) return null;
  return 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : null;
}

/** SQLSTATE: foreign key violation, unique violation. */
function isOurs(code: unknown): boolean {
  return code === '23503' || code === '23505';
}
