/**
 * One record of RFC 4180, with its line end. A cell that a spreadsheet would take for a formula gets an apostrophe in
 * front: most cells are texts that clients chose.
 */
export function csvRecord(cells: readonly string[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

function cellOf(text: string): string {
  const harmless = /^[\s\uFEFF]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/u.test(text) ? `'${text}` : text;
  return /[",;'\s]/u.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
