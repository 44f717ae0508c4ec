/** The name of the unique constraint that refused a statement; null for any other error. */
export function violatedUnique(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || error.code !== uniqueViolation) return null;
  return 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : null;
}

/** SQLSTATE. */
const uniqueViolation = '23505';
