import { Pool } from 'pg';
import { z } from 'zod';
import type { BilledCall } from '../oci-simulator/billing.ts';
import type { SimulatorClient } from '../oci-simulator/client.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { directCallId } from './requests.ts';
import { price } from './stack.ts';

/** The simulator's bill for the gateway's calls, kept while the simulator's own is cleared. */
export interface Bill {
  /** Takes over what is on the simulator's bill, once nothing runs. */
  collect(): Promise<void>;
  /** Nano-USD by the call's id at the provider. */
  readonly costs: ReadonlyMap<string, number>;
  readonly totalNanoUsd: bigint;
  readonly tokens: { readonly input: number; readonly output: number };
  /** Calls that the simulator did not write to their end, or wrote twice. */
  readonly odd: number;
}

export function openBill(simulator: SimulatorClient): Bill {
  const costs = new Map<string, number>();
  const tokens = { input: 0, output: 0 };
  let totalNanoUsd = 0n;
  let odd = 0;
  return {
    costs,
    tokens,
    get totalNanoUsd() {
      return totalNanoUsd;
    },
    get odd() {
      return odd;
    },
    async collect() {
      await waitUntil(async () => (await simulator.callsInFlight()) === 0, { what: 'the simulator is at rest' });
      const calls = (await simulator.billed()).filter(({ clientRequestId }) => clientRequestId !== directCallId);
      await simulator.clearBilled();
      for (const call of calls) {
        const cost = costOf(call);
        if (!call.completed || costs.has(call.callId)) odd += 1;
        costs.set(call.callId, Number(cost));
        totalNanoUsd += cost;
        tokens.input += call.promptTokens;
        tokens.output += call.completionTokens;
      }
    },
  };
}

/** Reckoned here, and not with the function under test: each side is rounded up to a nano-USD. */
function costOf({ promptTokens, completionTokens }: BilledCall): bigint {
  const side = (tokens: number, usdPerToken: number) => {
    const nanoUsdPerMillion = BigInt(Math.round(usdPerToken * 1e15));
    return (BigInt(tokens) * nanoUsdPerMillion + 999_999n) / 1_000_000n;
  };
  return side(promptTokens, price.inputUsdPerToken) + side(completionTokens, price.outputUsdPerToken);
}

export interface BooksReport {
  readonly answered: number;
  readonly billed: number;
  readonly rows: number;
  readonly billedNanoUsd: bigint;
  readonly bookedNanoUsd: bigint;
  readonly balanceNanoUsd: bigint;
  readonly dailyNanoUsd: bigint;
  /** What does not agree, in words; empty: everything does. */
  readonly problems: readonly string[];
}

/** The ledger's tables, read as an auditor would. */
export interface Books extends AsyncDisposable {
  /** Resolves when so many calls are booked. */
  caughtUp(calls: number): Promise<void>;
  compare(bill: Bill, answered: number): Promise<BooksReport>;
  postgresVersion(): Promise<string>;
}

const bookingDeadlineMs = 60_000;

const Sums = z.tuple([z.object({ balance: z.coerce.bigint(), daily: z.coerce.bigint() })]);
const Row = z.object({
  provider_request_id: z.string().nullable(),
  cost: z.coerce.number(),
  input: z.coerce.number(),
  output: z.coerce.number(),
  outcome: z.string(),
  estimated: z.boolean(),
});

export function openBooks(url: string): Books {
  const pool = new Pool({ connectionString: url, max: 1 });
  return {
    async caughtUp(calls) {
      const booked = async () => {
        const { rows } = await pool.query(
          'select coalesce(sum(requests_ok), 0)::int as booked from ledger.daily_usage_report',
        );
        const [sums] = z.tuple([z.object({ booked: z.int() })]).parse(rows);
        if (sums.booked < calls) throw new Error(`${sums.booked} of ${calls} calls are in the books`);
        return true;
      };
      await waitUntil(booked, { what: `${calls} calls are in the books`, deadlineMs: bookingDeadlineMs });
    },
    async compare(bill, answered) {
      const problems: string[] = [];
      const sums = await pool.query(
        `select coalesce((select sum(settled_nano_usd) from ledger.account_balances where account_id like 'key:%'), 0)::text as balance,
           coalesce((select sum(spend_nano_usd) from ledger.daily_usage_report), 0)::text as daily`,
      );
      const [{ balance, daily }] = Sums.parse(sums.rows);
      const { rows } = await pool.query(
        `select provider_request_id, cost_nano_usd::text as cost, input_tokens::text as input,
           output_tokens::text as output, outcome, estimated
         from ledger.spend_rows`,
      );
      const unseen = new Map(bill.costs);
      let booked = 0n;
      const tokens = { input: 0, output: 0 };
      const wrong = { unbilled: 0, cost: 0, incomplete: 0 };
      for (const row of rows.map((fields) => Row.parse(fields))) {
        booked += BigInt(row.cost);
        tokens.input += row.input;
        tokens.output += row.output;
        const cost = unseen.get(row.provider_request_id ?? '');
        if (cost === undefined) wrong.unbilled += 1;
        else if (cost !== row.cost) wrong.cost += 1;
        if (row.outcome !== 'completed' || row.estimated) wrong.incomplete += 1;
        unseen.delete(row.provider_request_id ?? '');
      }
      const expect = (holds: boolean, problem: string) => {
        if (!holds) problems.push(problem);
      };
      expect(bill.odd === 0, `${bill.odd} calls are unfinished, or twice, on the bill`);
      expect(bill.costs.size === answered, `${answered} requests were answered, ${bill.costs.size} are on the bill`);
      expect(unseen.size === 0, `${unseen.size} billed calls are not in the books`);
      expect(wrong.unbilled === 0, `${wrong.unbilled} rows have no call on the bill, or are there twice`);
      expect(wrong.cost === 0, `${wrong.cost} rows have another cost than the bill`);
      expect(wrong.incomplete === 0, `${wrong.incomplete} rows are not completed, or estimated`);
      expect(
        tokens.input === bill.tokens.input,
        `${tokens.input} input tokens are booked, ${bill.tokens.input} billed`,
      );
      expect(
        tokens.output === bill.tokens.output,
        `${tokens.output} output tokens are booked, ${bill.tokens.output} billed`,
      );
      for (const [name, sum] of Object.entries({ rows: booked, balance, 'daily sums': daily })) {
        expect(sum === bill.totalNanoUsd, `${name}: ${sum} nano-USD; the bill: ${bill.totalNanoUsd}`);
      }
      return {
        answered,
        billed: bill.costs.size,
        rows: rows.length,
        billedNanoUsd: bill.totalNanoUsd,
        bookedNanoUsd: booked,
        balanceNanoUsd: balance,
        dailyNanoUsd: daily,
        problems,
      };
    },
    async postgresVersion() {
      const { rows } = await pool.query("select current_setting('server_version') as version");
      return z.tuple([z.object({ version: z.string() })]).parse(rows)[0].version;
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
