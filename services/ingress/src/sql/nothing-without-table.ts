/** Spend has names of teams before there is a table of them: in keys. Then the id is all there is. */
export function nothingWithoutTable(error: unknown): { rows: unknown[] } {
  const undefinedTable = '42P01';
  if (error instanceof Error && 'code' in error && error.code === undefinedTable) return { rows: [] };
  throw error;
}
