import { alteredMachinery, verifyChain } from '@sluice/ledger/chain/verify-chain.ts';
import { endUnheard } from '@sluice/ledger/reconciliation/end-unheard.ts';
import { describeMisfit, reconcileDays, reconcileStanding } from '@sluice/ledger/reconciliation/reconcile.ts';
import { openNatsUsageSource } from '@sluice/shared/adapters/nats/nats-usage-log.ts';
import { openNats } from '@sluice/shared/adapters/nats/open-nats.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { openRedisAdmissionWitness } from '@sluice/shared/adapters/redis/redis-admission-witness.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { assertSchema } from '@sluice/shared/schema-version.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { readArguments, usage, type Arguments } from './arguments.ts';
import { dayLines, findingLines } from './report.ts';

/** A statement reads the rows of a day, or for balances all of them. */
const statementTimeoutMs = 3_600_000;
/** Exit codes: 0 all agrees, 1 something is off, 2 it could not be found out. */
const [isOff, isUnknown] = [1, 2];

const write = (text: string) => void process.stdout.write(`${text}\n`);
const onError = (error: unknown) => void process.stderr.write(`${describe(error)}\n`);

try {
  await main(readArguments(process.argv.slice(2), Date.now()));
} catch (error) {
  process.stderr.write(`${describe(error)}\n`);
  if (error instanceof Error && /^(--|no command|unexpected|Unknown option|Option)/.test(error.message))
    process.stderr.write(usage);
  process.exitCode = isUnknown;
}

async function main(asked: Arguments): Promise<void> {
  const { DATABASE_URL: url } = process.env;
  if (!url) throw new Error('DATABASE_URL is not set: whose books?');
  await using sql = await openPostgres({ url, max: 2, applicationName: 'sluice-reconcile', statementTimeoutMs });
  await assertSchema(sql, [schemas.ledger]);
  const agrees = asked.command === 'verify' ? await verify(sql, asked) : await reconcile(sql, asked);
  if (!agrees) process.exitCode = isOff;
}

async function verify(sql: SqlPool, { witnesses, json, ...period }: Arguments): Promise<boolean> {
  const altered = await alteredMachinery(sql);
  for (const name of altered) write(json ? JSON.stringify({ altered: name }) : `altered: ${name}`);
  let broken = 0;
  for await (const day of verifyChain(sql, period, witnesses)) {
    if (day.status === 'broken') broken += 1;
    const head = day.head === null ? '-' : `${day.head.day}:${day.head.seq}:${day.head.hash}`;
    const what =
      day.misfit === null ? `${day.blocks} blocks, ${day.rows} rows` : describeMisfit(day.misfit, day.misfits);
    write(json ? JSON.stringify(day) : `${day.day}  ${day.status.padEnd(7)}  ${what}  head ${head}`);
  }
  if (!json) write(broken + altered.length === 0 ? 'The chain fits.' : `${broken} days do not fit.`);
  return broken + altered.length === 0;
}

/** Redis and NATS are asked if they are named; what cannot be asked is said. */
async function reconcile(sql: SqlPool, asked: Arguments): Promise<boolean> {
  const { REDIS_URL: redisUrl, NATS_URL: natsUrl } = process.env;
  await using resources = new AsyncDisposableStack();
  const witness = redisUrl ? resources.use(await openRedisAdmissionWitness({ url: redisUrl, onError })) : null;
  const nats = natsUrl ? resources.use(await openNats({ url: natsUrl, name: 'sluice-reconcile' })) : null;
  const source = nats ? resources.use(await openNatsUsageSource(nats, { onError })) : null;
  if (!witness) process.stderr.write('REDIS_URL is not set: the counters of admission are not compared.\n');
  if (asked.repair && !witness) throw new Error('--repair needs REDIS_URL');

  const deps = { sql, witness, usage: source, now: Date.now };
  if (asked.repair) await endUnheard(deps);
  let off = 0;
  const count = (findings: readonly { level: string }[]) =>
    (off += findings.filter(({ level }) => level === 'off').length);
  for await (const day of reconcileDays(deps, asked, () => ({ sums: true, chain: asked.verify }))) {
    count(day.findings);
    write(asked.json ? JSON.stringify(day) : dayLines(day));
  }
  const standing = await reconcileStanding(deps, { repair: asked.repair, balances: true });
  count(standing.findings);
  if (asked.json) write(JSON.stringify(standing));
  else {
    const backlog = standing.backlog === null ? '' : `, ${standing.backlog} usage events not booked yet`;
    write(`all days: ${standing.accountsCompared ?? 'no'} accounts compared${backlog}`);
    for (const line of findingLines(standing.findings)) write(line);
    write(off === 0 ? 'All agrees.' : `${off} findings.`);
  }
  return off === 0;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  return error.cause === undefined ? own : `${own} (${describe(error.cause)})`;
}
