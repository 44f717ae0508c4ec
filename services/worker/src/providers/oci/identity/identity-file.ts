import { open } from 'node:fs/promises';
import { identityRefused } from './identity-error.ts';

/** Keys, tokens, certificates and profiles are a few KB. */
const fileBytesMax = 256 * 1024;

/**
 * @param what for the error: `config_file: the key file`
 * @throws ProviderError that names the file
 */
export async function readIdentityFile(path: string, what: string): Promise<string> {
  try {
    await using file = await open(path);
    const buffer = Buffer.alloc(fileBytesMax + 1);
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, size, buffer.length - size);
      size += bytesRead;
      if (bytesRead === 0 || size > fileBytesMax) break;
    }
    if (size > fileBytesMax) throw new Error(`more than ${fileBytesMax} bytes`);
    return buffer.toString('utf8', 0, size);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'too long';
    throw identityRefused(`${what} ${path} cannot be read (${reason}).`, error);
  }
}
