import { ask, type Reply } from './ask.ts';
import type { TestGateway } from './gateway.ts';

/** Of a file, in the tests. */
export const maxBytes = 1024 * 1024;

interface Part {
  readonly name: string;
  readonly filename?: string;
  readonly text: string;
}

/** A form, part by part, or as text. */
interface Form {
  readonly parts?: readonly Part[];
  readonly body?: string;
  readonly contentType?: string;
}

interface WrongUpload extends Form {
  readonly why: string;
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly message: RegExp;
}

export function sendForm(gateway: TestGateway, key: string, { parts = [], body, contentType }: Form): Promise<Reply> {
  const text = body ?? formOf(parts);
  const headers = { 'content-type': contentType ?? 'multipart/form-data; boundary=b' };
  return ask(gateway, '/v1/files', { method: 'POST', key, headers, body: text });
}

function formOf(parts: readonly Part[]): string {
  const texts = parts.map(({ name, filename, text }) => {
    const file = filename === undefined ? '' : `; filename="${filename}"`;
    return `--b\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${text}\r\n`;
  });
  return `${texts.join('')}--b--\r\n`;
}

const purpose = { name: 'purpose', text: 'batch' };
const file = { name: 'file', filename: 'requests.jsonl', text: '{"custom_id":"1"}\n' };
const anchor = { name: 'expires_after[anchor]', text: 'created_at' };
const after = (seconds: string) => ({ name: 'expires_after[seconds]', text: seconds });
const large = { ...file, text: 'x'.repeat(maxBytes + 1) };

const invalid = { status: 400, type: 'invalid_request_error' } as const;
const unreadable = { ...invalid, param: null, message: /could not be read: it breaks off, or is no multipart form/ };
const tooLarge = {
  status: 413,
  type: 'bad_request_error',
  param: 'file',
  message: /^The file is larger than 1048576 bytes\.$/,
} as const;
const noFile = { ...invalid, param: 'file', message: /^Missing required parameter: 'file'\.$/ } as const;
const noPurpose = { ...invalid, param: 'purpose', message: /^Missing required parameter: 'purpose'\.$/ } as const;
const noForm = { ...invalid, param: null, message: /must be a form, sent as multipart\/form-data/ } as const;

export const wrongUploads: readonly WrongUpload[] = [
  { why: 'JSON', body: '{"purpose":"batch"}', contentType: 'application/json', ...noForm },
  { why: 'a form without parts', body: 'purpose=batch', contentType: 'application/x-www-form-urlencoded', ...noForm },
  { why: 'another multipart', body: formOf([purpose, file]), contentType: 'multipart/mixed; boundary=b', ...noForm },
  {
    why: 'a form without a boundary',
    body: formOf([purpose, file]),
    contentType: 'multipart/form-data; charset=utf-8',
    ...invalid,
    param: null,
    message: /no boundary/,
  },
  {
    why: 'another boundary',
    body: formOf([purpose, file]),
    contentType: 'multipart/form-data; boundary=c',
    ...unreadable,
  },
  { why: 'nothing', body: '', ...unreadable },
  { why: 'a form that breaks off in its file', body: formOf([purpose, file]).slice(0, -20), ...unreadable },
  { why: 'a form that breaks off in a field', body: formOf([file, purpose]).slice(0, -9), ...unreadable },
  { why: 'a form that breaks off in the head of a part', body: formOf([purpose, file]).slice(0, 100), ...unreadable },
  { why: 'a form without an end', body: formOf([purpose, file]).slice(0, -7), ...unreadable },
  { why: 'no file', parts: [purpose], ...noFile },
  { why: 'an empty form', body: '--b--\r\n', ...noFile },
  { why: 'no purpose', parts: [file], ...noPurpose },
  {
    why: 'a file that is a field',
    parts: [purpose, { name: 'file', text: 'x' }],
    ...invalid,
    param: 'file',
    message: /its part has no filename/,
  },
  { why: 'two files', parts: [purpose, file, file], ...invalid, param: 'file', message: /more than one file/ },
  {
    why: 'a file of another name',
    parts: [purpose, { ...file, name: 'document' }],
    ...invalid,
    param: 'document',
    message: /unknown field: 'document'/,
  },
  { why: 'an empty file', parts: [purpose, { ...file, text: '' }], ...invalid, param: 'file', message: /it is empty/ },
  ...['assistants', 'fine-tune', 'vision', 'evals', 'batch_output', 'x'].flatMap((text): WrongUpload[] => [
    {
      why: `the purpose ${text}`,
      parts: [{ name: 'purpose', text }, file],
      ...invalid,
      param: 'purpose',
      message: new RegExp(
        `^Invalid value for 'purpose': files can be for batch or user_data here, not for ${text}\\.$`,
      ),
    },
  ]),
  {
    why: 'a wrong purpose after the file',
    parts: [file, { name: 'purpose', text: 'vision' }],
    ...invalid,
    param: 'purpose',
    message: /not for vision/,
  },
  { why: 'two purposes', parts: [purpose, purpose, file], ...invalid, param: 'purpose', message: /more than once/ },
  {
    why: 'a field that is too long',
    parts: [{ name: 'purpose', text: 'x'.repeat(1_100) }, file],
    ...invalid,
    param: 'purpose',
    message: /more than 1024 bytes/,
  },
  {
    why: 'an unknown field',
    parts: [purpose, { name: 'model', text: 'x' }, file],
    ...invalid,
    param: 'model',
    message: /unknown field: 'model'/,
  },
  {
    why: 'too many fields',
    parts: [...Array.from({ length: 30 }, () => ({ name: 'target_model_names', text: 'x' })), purpose, file],
    ...invalid,
    param: 'target_model_names',
    message: /more than once/,
  },
  ...['3599', '2592001', '1.5', 'soon', ''].map((text): WrongUpload => ({
    why: `an expiry of ${JSON.stringify(text)} seconds`,
    parts: [purpose, anchor, after(text), file],
    ...invalid,
    param: 'expires_after[seconds]',
    message: /^Invalid value for 'expires_after\[seconds\]': /,
  })),
  {
    why: 'another anchor',
    parts: [purpose, { ...anchor, text: 'last_active_at' }, after('3600'), file],
    ...invalid,
    param: 'expires_after[anchor]',
    message: /created_at/,
  },
  {
    why: 'an expiry without an anchor',
    parts: [purpose, after('3600'), file],
    ...invalid,
    param: 'expires_after[anchor]',
    message: /^Missing required/,
  },
  {
    why: 'an anchor without an expiry',
    parts: [purpose, anchor, file],
    ...invalid,
    param: 'expires_after[seconds]',
    message: /^Missing required/,
  },
  ...[
    ['no filename', ''],
    ['a filename of 256 characters', 'x'.repeat(256)],
    ['a filename with U+0000', 'a\0b'],
    ['a filename with a tab', 'a\tb'],
    ['a filename with U+0085', 'a\u0085b'],
  ].map(([why = '', filename = '']): WrongUpload => ({
    why,
    parts: [purpose, { ...file, filename }],
    ...invalid,
    param: 'file',
    message: /its filename has to have 1 to 255 characters, none for control/,
  })),
  { why: 'a file that is too large', parts: [purpose, large], ...tooLarge },
  { why: 'a file that is far too large', parts: [{ ...large, text: large.text.repeat(3) }, purpose], ...tooLarge },
];
