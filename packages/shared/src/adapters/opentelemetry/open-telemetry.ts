import { metrics } from '@opentelemetry/api';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { NodeSDK } from '@opentelemetry/sdk-node';

export interface Telemetry extends AsyncDisposable {
  readonly meter: Meter;
  /** All instruments in Prometheus text format. */
  prometheusText(): Promise<string>;
}

/**
 * Metrics for Prometheus to scrape, and whatever else OpenTelemetry's own variables ask for (`OTEL_EXPORTER_OTLP_…`).
 * @param service becomes `service.name`
 */
export function openTelemetry({ service }: { service: string }): Telemetry {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer();
  const sdk = new NodeSDK({ serviceName: service, metricReaders: [reader], instrumentations: [] });
  sdk.start();
  return {
    meter: metrics.getMeter('sluice'),
    async prometheusText() {
      const { resourceMetrics } = await reader.collect();
      return serializer.serialize(resourceMetrics);
    },
    [Symbol.asyncDispose]: () => sdk.shutdown(),
  };
}
