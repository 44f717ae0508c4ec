// How figures are written in a report.

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

export function list(entries: ReadonlyMap<string, string>): string {
  return [...entries].map(([name, text]) => `- ${name}: ${text}`).join('\n');
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

/** Three significant figures, and no more decimals than mean something. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
