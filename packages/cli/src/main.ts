#!/usr/bin/env node
import { readArguments, usage } from './arguments.ts';
import { exitCodes, Failure } from './failure.ts';
import { gatewayAddress } from './gateway-address.ts';
import { createGatewayClient } from './gateway-client.ts';
import { openProgress } from './progress.ts';
import { runCommand } from './run-command.ts';

const print = (line: string) => void process.stdout.write(`${line}\n`);
const say = (line: string) => void process.stderr.write(`${line}\n`);

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  say(error.message);
  if (error.exitCode === exitCodes.wrongUsage) say(usage);
  process.exitCode = error.exitCode;
}

async function main(): Promise<number> {
  const asked = readArguments(process.argv.slice(2));
  if (asked === 'help') {
    print(usage);
    return exitCodes.completed;
  }
  const { command, url } = asked;
  return runCommand(command, {
    client: createGatewayClient(gatewayAddress(url, process.env)),
    print,
    say,
    openProgress: () => openProgress(process.stderr),
    folder: process.env['INIT_CWD'] ?? process.cwd(), // npm starts its scripts elsewhere
    untilInterrupted,
  });
}

/** For watching a batch: Ctrl-C ends the watching with a hint how to go on. Any other command it simply ends. */
function untilInterrupted(): AbortSignal {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  return interrupted.signal;
}
