import { open } from 'node:fs/promises';

/** Writes a file that is not there yet, and sees it to the disk, so that a rename never leaves an empty one after a crash. */
export async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
