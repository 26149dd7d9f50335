import { readFile } from 'node:fs/promises';
import { messageOf, systemCode, WatchgateError } from '../core/errors.js';

/** The text of a UTF-8 file. Throws FILE_UNREADABLE, which names the file and says why. */
export async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const reason = UNREADABLE[systemCode(error) ?? ''] ?? messageOf(error);
    throw new WatchgateError('FILE_UNREADABLE', `cannot read ${path}: ${reason}`, { cause: error });
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};
