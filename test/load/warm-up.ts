import { arms } from './arms.ts';
import type { BenchArguments } from './arguments.ts';
import { measure, type Subject } from './measure.ts';

/**
 * Code gets quick by being run: what a service does for a request takes a quarter less CPU after five thousand of them
 * than after five hundred.
 */
export async function warmUp(
  subject: Subject,
  { warmUpMs, heatMs }: Pick<BenchArguments, 'warmUpMs' | 'heatMs'>,
): Promise<void> {
  for (const id of ['whole-32', 'streams', 'whole-128']) {
    for (const arm of arms.filter((known) => known.id === id)) {
      const gatewayMs = id === 'whole-128' ? heatMs : 2 * warmUpMs;
      for (const [side, measureMs] of [
        ['direct', 2 * warmUpMs],
        ['gateway', gatewayMs],
      ] as const) {
        const { load } = await measure(subject, arm, side, { warmUpMs: 0, measureMs });
        if (load.failed > 0) throw new Error(`${arm.title}, ${side}: ${load.failures.join('\n')}`);
      }
    }
  }
}
