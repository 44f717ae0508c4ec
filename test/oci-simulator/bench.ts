/**
 * How fast the simulator is: `node test/oci-simulator/bench.ts [seconds]`.
 *
 * The simulator runs in a process of its own; this one sends the same signed requests over and over on open
 * connections. What counts is the rate per second of the simulator's CPU time, which other load does not change.
 */
import { spawn } from 'node:child_process';
import { createHash, sign } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSimulatorClient } from './client.ts';
import { identityFromPem, type SimulatedIdentity } from './identity.ts';

const seconds = Number(process.argv[2] ?? 3);
const connections = 16;
const warmUpMs = 1_000;
const ticksPerSecond = 100; // of /proc/<pid>/stat

const file = join(tmpdir(), `oci-simulator-bench-${process.pid}.json`);
const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--identity', file], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const line = await new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve));
const url = /"url":"([^"]+)"/.exec(line)?.[1] ?? '';
const pem: unknown = JSON.parse(/"keyPem": (".*")/.exec(readFileSync(file, 'utf8'))?.[1] ?? '""');
const identity = identityFromPem(String(pem));
const client = createSimulatorClient(url);

await measure('whole calls', 'Hello', false);
await measure('streams of 200 tokens', 'Hello #sim {"outputTokens":200}', true);
child.kill('SIGTERM');
rmSync(file);

async function measure(name: string, prompt: string, isStream: boolean): Promise<void> {
  const request = signedRequest(identity, prompt, isStream);
  const { bytes, events } = await firstAnswer(request);
  const stop = Array.from({ length: connections }, () => sendOverAndOver(request, bytes));
  await sleep(warmUpMs);
  await client.clearBilled();
  const cpuBefore = cpuSeconds();
  const startedAt = performance.now();
  await sleep(seconds * 1000);
  const wall = (performance.now() - startedAt) / 1000;
  const cpu = cpuSeconds() - cpuBefore;
  const calls = (await client.billed()).length;
  for (const leave of stop) leave();
  const rates = [wall, cpu].map(
    (base) => `${Math.round(calls / base)} calls, ${Math.round((calls * events) / base)} events`,
  );
  process.stdout.write(`${name}: per second ${rates[0]}; per second of CPU ${rates[1]}\n`);
}

/** All answers to one request are equally long. */
function firstAnswer(request: Buffer): Promise<{ bytes: number; events: number }> {
  return new Promise((resolve) => {
    let seen = '';
    const socket = connectTo(url);
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      const headEnd = seen.indexOf('\r\n\r\n') + 4;
      const length = /content-length: (\d+)/i.exec(seen)?.[1];
      const done = length === undefined ? seen.endsWith('0\r\n\r\n') : seen.length === headEnd + Number(length);
      if (!done) return;
      socket.destroy();
      resolve({ bytes: seen.length, events: seen.split('data: ').length - 1 });
    });
    socket.write(request);
  });
}

/** @returns how to stop */
function sendOverAndOver(request: Buffer, answerBytes: number): () => void {
  const socket = connectTo(url);
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.length;
    if (received < answerBytes) return;
    received -= answerBytes;
    socket.write(request);
  });
  socket.on('error', () => {});
  socket.write(request);
  return () => socket.destroy();
}

function connectTo(address: string): Socket {
  const { hostname, port } = new URL(address);
  return connect({ host: hostname, port: Number(port), noDelay: true });
}

function cpuSeconds(): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function signedRequest({ keyId, keyPem, compartmentId }: SimulatedIdentity, prompt: string, isStream: boolean): Buffer {
  const messages = [{ role: 'USER', content: [{ type: 'TEXT', text: prompt }] }];
  const body = JSON.stringify({
    compartmentId,
    servingMode: { servingType: 'ON_DEMAND', modelId: 'meta.llama-3.3-70b-instruct' },
    chatRequest: { apiFormat: 'GENERIC', messages, maxTokens: 400, isStream, streamOptions: { isIncludeUsage: true } },
  });
  const signed = [
    `x-date: ${new Date().toUTCString()}`,
    '(request-target): post /20231130/actions/chat',
    `host: ${new URL(url).host}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-content-sha256: ${createHash('sha256').update(body).digest('base64')}`,
  ];
  const names = signed.map((header) => header.slice(0, header.indexOf(': '))).join(' ');
  const signature = sign('sha256', Buffer.from(signed.join('\n')), keyPem).toString('base64');
  const authorization = `Signature version="1",keyId="${keyId}",algorithm="rsa-sha256",headers="${names}",signature="${signature}"`;
  const head = signed.filter((header) => !header.startsWith('('));
  const lines = [
    'POST /20231130/actions/chat HTTP/1.1',
    ...head,
    'opc-request-id: BENCH',
    `authorization: ${authorization}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
