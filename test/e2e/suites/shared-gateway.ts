import { after, before, describe } from 'node:test';
import type { gateways, GatewayOptions, TestGateway } from '../gateway.ts';

/** A gateway that a suite gets with a clean bill, and that others have before and after it: it looks at its own alone. */
export interface SharedGateway {
  readonly mode: TestGateway['mode'];
  readonly open: () => Promise<TestGateway>;
}

export type Suite = (shared: SharedGateway) => void;

/** Runs suites one after the other on one gateway: its start costs more than most of them do. */
export function runOnOneGateway(
  { mode, open: start }: (typeof gateways)[number],
  options: GatewayOptions,
  suites: readonly Suite[],
): void {
  describe(`${mode}, one gateway`, () => {
    let gateway: TestGateway;
    before(async () => {
      gateway = await start(options);
    });
    after(() => gateway[Symbol.asyncDispose]());

    const open = () => {
      gateway.simulator.clearBilled();
      return Promise.resolve(gateway);
    };
    for (const suite of suites) suite({ mode, open });
  });
}
