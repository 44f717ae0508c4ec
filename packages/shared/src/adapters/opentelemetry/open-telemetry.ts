import { metrics } from '@opentelemetry/api';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

export interface Telemetry extends AsyncDisposable {
  readonly meter: Meter;
  /** All instruments in Prometheus text format. A gauge that observes `NaN` is not known now, and left out. */
  prometheusText(): Promise<string>;
}

/**
 * Metrics for Prometheus to scrape; and, where OpenTelemetry's own variables ask for exporters
 * (`OTEL_EXPORTER_OTLP_…`, `OTEL_METRICS_EXPORTER`, …), whatever its Node SDK makes of them. The SDK brings every
 * exporter there is, some 15 MB of them, so it is loaded only then.
 *
 * @param service becomes `service.name`
 */
export async function openTelemetry(options: {
  service: string;
  env: Readonly<Record<string, string | undefined>>;
}): Promise<Telemetry> {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer();
  const provider = asksForExporters(options.env)
    ? await startSdk(options.service, reader)
    : startMeters(options.service, reader);
  return {
    meter: provider.meter,
    async prometheusText() {
      const { resourceMetrics } = await reader.collect();
      return serializer.serialize(resourceMetrics).replaceAll(/^[^#\n].* NaN\n/gm, '');
    },
    [Symbol.asyncDispose]: () => provider.shutdown(),
  };
}

interface Provider {
  readonly meter: Meter;
  shutdown(): Promise<void>;
}

const meterName = 'sluice';

function asksForExporters(env: Readonly<Record<string, string | undefined>>): boolean {
  return Object.keys(env).some((name) => /^OTEL_(EXPORTER_|(METRICS|TRACES|LOGS)_EXPORTER$)/.test(name));
}

function startMeters(service: string, reader: PrometheusExporter): Provider {
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    readers: [reader],
  });
  return { meter: provider.getMeter(meterName), shutdown: () => provider.shutdown() };
}

async function startSdk(service: string, reader: PrometheusExporter): Promise<Provider> {
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({ serviceName: service, metricReaders: [reader], instrumentations: [] });
  sdk.start();
  return { meter: metrics.getMeter(meterName), shutdown: () => sdk.shutdown() };
}
