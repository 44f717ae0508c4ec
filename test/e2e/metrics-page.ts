import { metricsToken } from './gateway.ts';

/** One number of a page in Prometheus's text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What `/metrics` of a process says now. */
export interface MetricsPage {
  /** By the name in their `# TYPE` line, which for a histogram has no `_bucket`, `_sum` or `_count`. */
  readonly families: ReadonlySet<string>;
  readonly samples: readonly Sample[];
}

/** @param url of the process */
export async function readMetrics(url: string): Promise<MetricsPage> {
  const headers = { authorization: `Bearer ${metricsToken}` };
  const response = await fetch(`${url}/metrics`, { headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}/metrics: ${response.status} ${text}`);
  return {
    families: new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name)),
    samples: [...text.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
      name,
      labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, of]) => [label, of])),
      value: Number(value),
    })),
  };
}

/** The one sample of this name, alias and, where it has one, lane; NaN: there is none. */
export function valueOf({ samples }: MetricsPage, name: string, alias: string, lane = 'interactive'): number {
  const found = samples.filter(
    ({ name: each, labels }) => each === name && labels['alias'] === alias && (labels['lane'] ?? lane) === lane,
  );
  if (found.length > 1) throw new Error(`${name} of ${alias} is there ${found.length} times`);
  return found[0]?.value ?? Number.NaN;
}
