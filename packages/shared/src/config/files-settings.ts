import { checkKeys } from './check-keys.ts';
import type { Section } from './section.ts';
import { vocabularies } from './vocabulary.ts';

/** Files of clients and batches, under `sluice_settings.files`. */
export interface FilesSettings {
  /** The largest file that a client may store. */
  readonly maxBytes: number;
  /** What a team, or a key without one, may keep in all; what batches write counts, and is never refused. */
  readonly quota: { readonly maxBytes: number; readonly maxFiles: number };
  /** Where their bytes are; null: in PostgreSQL. */
  readonly s3: S3Settings | null;
}

/** A bucket of an S3-compatible store, which OCI Object Storage is too. */
export interface S3Settings {
  readonly bucket: string;
  readonly region: string;
  /** null: that of AWS in the region. */
  readonly endpoint: string | null;
  /** Before the name of each object. */
  readonly prefix: string;
  /** null: as the AWS SDK finds them, by `AWS_ACCESS_KEY_ID` and so on. Secret. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
}

/** As OpenAI's. */
const defaultMaxBytes = 200 * 1024 * 1024;
/** As S3-compatible stores take one object: 10,000 parts, which are of 5 MiB here. */
const maxBytesMax = 10_000 * 5 * 1024 ** 2;
const defaultQuota = { maxBytes: 10 * 1024 ** 3, maxFiles: 10_000 };
/** A pebibyte: whole numbers are exact up to there, and sums of them. */
const quotaMax = 1024 ** 5;

export function readFilesSettings(section: Section): FilesSettings {
  checkKeys(section, vocabularies.files);
  const positive = { integer: true, min: 1 } as const;
  return {
    maxBytes: section.number('max_bytes', { ...positive, max: maxBytesMax }) ?? defaultMaxBytes,
    quota: {
      maxBytes: section.number('max_bytes_per_owner', { ...positive, max: quotaMax }) ?? defaultQuota.maxBytes,
      maxFiles: section.number('max_files_per_owner', { ...positive, max: 1_000_000 }) ?? defaultQuota.maxFiles,
    },
    s3: section.has('s3') ? readS3Settings(section.section('s3')) : null,
  };
}

function readS3Settings(section: Section): S3Settings {
  checkKeys(section, vocabularies.s3);
  const required = (key: string): string => {
    if (!section.has(key)) section.problem(key, 'missing');
    return section.string(key) ?? '';
  };
  const endpoint = section.string('endpoint');
  if (endpoint !== null && !/^https?:\/\/[^\s/?#@]+\/?$/.test(endpoint)) {
    section.problem('endpoint', 'expected an http or https URL without a path');
  }
  const prefix = section.string('prefix') ?? '';
  if (!/^[\w!.*'()/-]{0,200}$/.test(prefix)) section.problem('prefix', "only letters, digits and / - _ . ! * ' ( )");
  return {
    bucket: required('bucket'),
    region: required('region'),
    endpoint,
    prefix,
    credentials: readCredentials(section),
  };
}

function readCredentials(section: Section): S3Settings['credentials'] {
  const accessKeyId = section.string('access_key_id');
  const secretAccessKey = section.string('secret_access_key');
  if (section.has('access_key_id') !== section.has('secret_access_key')) {
    section.problem(null, 'access_key_id and secret_access_key go together');
  }
  return accessKeyId === null || secretAccessKey === null ? null : { accessKeyId, secretAccessKey };
}
