import { csvRecord } from './csv.ts';
import { measureColumns, type ExportGroupName } from './export-columns.ts';

interface ExportFormat {
  readonly contentType: string;
  readonly head: (about: ExportHead) => string;
  readonly line: (columns: readonly string[], cells: readonly string[], isFirst: boolean) => string;
  readonly tail: string;
}

interface ExportHead {
  readonly start: string;
  readonly end: string;
  readonly names: readonly ExportGroupName[];
  readonly columns: readonly string[];
  /** Of everything in the period, in the order of `measureColumns`. */
  readonly total: readonly string[];
}

export const exportFormats: Readonly<Record<'csv' | 'json', ExportFormat>> = {
  csv: {
    contentType: 'text/csv; charset=utf-8; header=present',
    head: ({ columns }) => csvRecord(columns),
    line: (_columns, cells) => csvRecord(cells),
    tail: '',
  },
  json: {
    contentType: 'application/json; charset=utf-8',
    head: ({ start, end, names, total }) => {
      const about = { start_date: start, end_date: end, group_by: names, total: objectOf(measureColumns, total) };
      return `${JSON.stringify(about).slice(0, -1)},"rows":[`;
    },
    line: (columns, cells, isFirst) => `${isFirst ? '' : ','}\n${JSON.stringify(objectOf(columns, cells))}`,
    tail: '\n]}\n',
  },
};

const [, ...counts] = measureColumns;

/** Counts as numbers; money stays text, with all its digits. */
function objectOf(columns: readonly string[], cells: readonly string[]): Record<string, string | number> {
  const isCount: ReadonlySet<string> = new Set(counts);
  return Object.fromEntries(
    columns.map((column, index) => {
      const cell = cells[index] ?? '';
      return [column, isCount.has(column) ? Number(cell) : cell];
    }),
  );
}
