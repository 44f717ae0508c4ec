import path from 'node:path';
import type { BatchObject } from '@sluice/shared/api/openai/batch-object.ts';
import type { Command } from './arguments.ts';
import { describeBatch, describeDryRun, describeErrors, describeRow, hasEnded } from './describe-batch.ts';
import { exitCodes, Failure } from './failure.ts';
import { NotNow, type GatewayClient } from './gateway-client.ts';
import type { Progress } from './progress.ts';
import { saveFile } from './save-file.ts';
import { watchBatch } from './watch-batch.ts';

export interface CommandDeps {
  readonly client: GatewayClient;
  /** Writes a line of what was asked for: to stdout. */
  readonly print: (line: string) => void;
  /** Writes a line of anything else, such as hints: to stderr. */
  readonly say: (line: string) => void;
  readonly openProgress: () => Progress;
  /** Where relative file names start. */
  readonly folder: string;
  /** Makes Ctrl-C abort the signal instead of ending the process. */
  readonly untilInterrupted: () => AbortSignal;
}

type Named<Name extends Command['name']> = Extract<Command, { name: Name }>;

/** @returns the exit code @throws Failure */
export async function runCommand(command: Command, deps: CommandDeps): Promise<number> {
  const { client, print } = deps;
  switch (command.name) {
    case 'submit':
      return submit(command, deps);
    case 'status':
      return command.watch ? watch(command.id, deps) : show(await client.batch(command.id), deps);
    case 'list': {
      const { data, has_more: hasMore } = await client.batches(command.limit);
      for (const batch of data) print(describeRow(batch));
      if (hasMore) deps.say('There are more: --limit shows up to 100.');
      return exitCodes.completed;
    }
    case 'cancel': {
      const { status } = await client.cancelBatch(command.id);
      print(`${command.id}  ${status}`);
      return exitCodes.completed;
    }
    case 'download':
      return download(command, deps);
  }
}

async function submit(command: Named<'submit'>, deps: CommandDeps): Promise<number> {
  const { client, print, say } = deps;
  const uploaded = await client.upload(path.resolve(deps.folder, command.file));
  const { endpoint, window, metadata } = command;
  const asked = { input_file_id: uploaded.id, endpoint, completion_window: window, metadata };
  // Without a batch nobody needs the file. Where deleting it fails, it expires.
  const deleteFile = () => client.deleteFile(uploaded.id).catch(() => undefined);
  if (command.dryRun) {
    const run = await client.tryBatch(asked).finally(deleteFile);
    for (const line of describeDryRun(run)) print(line);
    return run.valid ? exitCodes.completed : exitCodes.notCompleted;
  }
  const { id } = await client.createBatch(asked).catch(async (error: unknown) => {
    // Without an answer the batch may have been made, and needs its file.
    if (!(error instanceof NotNow)) await deleteFile();
    throw error;
  });
  print(id);
  if (command.watch) return watch(id, deps);
  say(`To watch it: sluice batch status ${id} --watch`);
  return exitCodes.completed;
}

async function watch(id: string, deps: CommandDeps): Promise<number> {
  let batch: BatchObject;
  {
    using progress = deps.openProgress();
    batch = await watchBatch(deps.client, id, progress, deps.untilInterrupted());
  }
  const code = show(batch, deps);
  if (batch.output_file_id != null || batch.error_file_id != null) {
    deps.say(`To fetch its files: sluice batch download ${id}`);
  }
  return code;
}

function show(batch: BatchObject, { print }: CommandDeps): number {
  for (const line of describeBatch(batch)) print(line);
  return hasEnded(batch) && batch.status !== 'completed' ? exitCodes.notCompleted : exitCodes.completed;
}

async function download(
  { id, output, errors }: Named<'download'>,
  { client, print, folder }: CommandDeps,
): Promise<number> {
  const batch = await client.batch(id);
  if (!hasEnded(batch)) throw new Failure(`The batch ${id} has not ended: it is ${batch.status}.`);
  const files = [
    { fileId: batch.output_file_id, name: output },
    { fileId: batch.error_file_id, name: errors },
  ];
  let written = 0;
  for (const { fileId, name } of files) {
    if (fileId == null) continue;
    await saveFile(path.resolve(folder, name), await client.fileContent(fileId));
    print(name);
    written += 1;
  }
  if (written > 0) return exitCodes.completed;
  throw new Failure([`The batch ${id} is ${batch.status} and has no files.`, ...describeErrors(batch)].join('\n'));
}
