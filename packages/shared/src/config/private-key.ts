import { createPrivateKey } from 'node:crypto';

/**
 * Why a PEM text cannot sign requests to OCI, in words that hold nothing of it; null: it can.
 * OCI's API keys are RSA keys: its signature version 1 knows nothing else.
 */
export function privateKeyFault(pem: string, passphrase: string | null): string | null {
  try {
    const key = createPrivateKey({ key: pem, ...(passphrase !== null && { passphrase }) });
    return key.asymmetricKeyType === 'rsa' ? null : 'is not an RSA key';
  } catch {
    return faultOf(pem, passphrase);
  }
}

function faultOf(pem: string, passphrase: string | null): string {
  if (!pem.includes('-----BEGIN ')) return 'is not a private key in PEM form: it has no BEGIN line';
  if (!pem.includes('PRIVATE KEY-----')) return 'is not a private key, but another thing in PEM form';
  if (!pem.includes('ENCRYPTED')) return 'is a damaged private key: its PEM text cannot be decoded';
  return passphrase === null
    ? 'is encrypted: oci_key_passphrase is missing'
    : 'cannot be read with this oci_key_passphrase';
}
