import { systemCode } from '../core/errors.js';

interface Output {
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * Whoever read our output may leave before we have said all: `watchgate endpoints | head -1`, or a log shipper
 * that dies beside a gateway. Without a listener that would end the process with a stack trace. What is printed
 * from then on goes nowhere; a command that has nothing else to do listens itself, and ends. Of anything else,
 * such as a full disk, `failed` is told once.
 */
export function outliveReaders(stdout: Output, stderr: Output, failed: (reason: string) => void): void {
  let told = false;
  stdout.on('error', (error) => {
    const code = systemCode(error);
    if (code === 'EPIPE' || told) return;
    told = true;
    failed(`cannot write the output: ${code ?? error.message}`);
  });
  // There is nowhere left to tell it.
  stderr.on('error', () => {});
}
