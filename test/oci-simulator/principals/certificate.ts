import { generateKeyPair, randomBytes, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import {
  bits,
  boolean,
  explicit,
  implicit,
  integer,
  nothing,
  objectId,
  octets,
  sequence,
  set,
  time,
  utf8,
} from './der.ts';

const generate = promisify(generateKeyPair);

/** A key and the certificate for it. */
export interface Certified {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly privateKey: KeyObject;
  readonly publicKeyPem: string;
  readonly subject: Subject;
}

/** Attributes in their order, by name: `OU` may come several times. */
export type Subject = readonly (readonly ['CN' | 'O' | 'OU', string])[];

export interface CertificateRequest {
  readonly subject: Subject;
  /** Who signs; absent: itself. */
  readonly issuer?: Certified;
  readonly isAuthority?: boolean;
  /** For a server: an IPv4 address that it answers at. */
  readonly address?: string;
}

const attributeIds = { CN: '2.5.4.3', O: '2.5.4.10', OU: '2.5.4.11' } as const;
const sha256WithRsa = () => sequence(objectId('1.2.840.113549.1.1.11'), nothing());
const dayMs = 86_400_000;

/** An X.509 certificate (RFC 5280) for a fresh RSA-2048 key, valid from yesterday for ten years. */
export async function createCertificate(request: CertificateRequest): Promise<Certified> {
  const { subject, issuer } = request;
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: 2048 });
  const now = Date.now();
  const content = sequence(
    explicit(0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    sha256WithRsa(),
    nameOf(issuer?.subject ?? subject),
    sequence(time(new Date(now - dayMs)), time(new Date(now + 3650 * dayMs))),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensionsOf(request))),
  );
  const signature = sign('sha256', content, issuer?.privateKey ?? privateKey);
  return {
    certificatePem: pemOf(sequence(content, sha256WithRsa(), bits(signature))),
    keyPem: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    privateKey,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    subject,
  };
}

function nameOf(subject: Subject): Buffer {
  return sequence(...subject.map(([name, value]) => set(sequence(objectId(attributeIds[name]), utf8(value)))));
}

function extensionsOf({ isAuthority = false, address }: CertificateRequest): Buffer[] {
  const constraints = isAuthority ? sequence(boolean(true)) : sequence();
  const extensions = [sequence(objectId('2.5.29.19'), boolean(true), octets(constraints))];
  if (address !== undefined) {
    const bytes = Buffer.from(address.split('.').map(Number));
    extensions.push(sequence(objectId('2.5.29.17'), octets(sequence(implicit(7, bytes)))));
  }
  return extensions;
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
